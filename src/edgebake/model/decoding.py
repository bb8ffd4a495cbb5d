"""The one decoder of files that edgebake wrote itself: they may be damaged or forged, as any other."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def decode(kind: type[T], content: bytes) -> T:
    """Return what JSON says, if it is of a kind in all its parts. How deep it can be is limited, too.

    Args:
        kind: a model, a dataclass or a type.
        content: the bytes of a file, whose size is limited where it is read.

    Raises:
        ValueError: it is not JSON, or not of that kind. The message says where, in one line.
    """
    try:
        return cast(T, _adapter(cast(Hashable, kind)).validate_json(content, strict=True))
    except ValidationError as error:
        raise _in_one_line(error) from None


def decode_value(kind: Any, value: object) -> Any:
    """Return a value of the command line, if it is of a kind.

    Raises:
        ValueError: it is not, and why.
    """
    try:
        return _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise _in_one_line(error) from None


def _in_one_line(error: ValidationError) -> ValueError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:200]
    message = first["msg"].removeprefix("Value error, ")
    return ValueError(f"{where}: {message}" if where else message)


@lru_cache(maxsize=32)
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))
