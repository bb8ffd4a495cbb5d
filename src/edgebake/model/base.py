"""What all models share: strictness, the text types that users write, and how a bad value is told.

Values arrive as text (see `load.document`); the types here give them a meaning and a plain message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

T = TypeVar("T")


class Model(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), use_attribute_docstrings=True)


def matching(pattern: str, says: str, *, limit: int = 128) -> Callable[[str], str]:
    """Return a validator: the whole text must match `pattern`, else the message is `says`."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(f"is longer than {limit} characters")
        if not compiled.fullmatch(text):
            raise ValueError(f"{text!r} {says}")
        return text

    return check


def one_or_many(value: Any) -> Any:
    """Take a single text where a list is meant."""
    return [value] if isinstance(value, str) else value


class OneOrManySchema:
    """Tells editors that a list field takes a single value too."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        items = schema.get("items", {})
        return {"anyOf": [items, schema]}


OneOrMany = Annotated[tuple[T, ...], BeforeValidator(one_or_many), OneOrManySchema()]

NAME_PATTERN = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"
_NAME_SAYS = "is not a name: lower-case letters, digits, '.', '_' and '-', first and last a letter or digit"

Name = Annotated[str, AfterValidator(matching(NAME_PATTERN, _NAME_SAYS, limit=64))]


def _image_name(text: str) -> str:
    if text.startswith("eb-"):
        raise ValueError(f"{text!r} starts with 'eb-', which generated stages have for themselves")
    return text


ImageName = Annotated[Name, AfterValidator(_image_name)]

VersionText = Annotated[
    str,
    AfterValidator(matching(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", "is not a version", limit=100)),
]

EnvName = Annotated[str, AfterValidator(matching(r"[A-Za-z_][A-Za-z0-9_]*", "is not a variable name"))]

check_apt_package = matching(
    r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:[=/][A-Za-z0-9.+:~_-]+)?",
    "is not an apt package (name, name=version or name/suite)",
)


def _apt_package(text: str) -> str:
    # A template is checked when its value is known.
    return _no_control(text) if "{{" in text else check_apt_package(text)


AptPackage = Annotated[str, AfterValidator(_apt_package)]


def _no_control(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError(f"{text!r} has a line break or another control character")
    return text


Line = Annotated[str, AfterValidator(_no_control)]
"""Text of one line."""

Url = Annotated[
    str,
    AfterValidator(matching(r"(?:https?|ssh|git|file)://[^\s\"'`<>\\^]+", "is not a URL", limit=2000)),
    WithJsonSchema({"type": "string", "format": "uri"}),
]

Platform = Annotated[
    str,
    AfterValidator(
        matching(r"linux/(?:amd64|arm64)", "is not a platform that edgebake knows: linux/amd64, linux/arm64")
    ),
]


def _relative(text: str) -> str:
    _no_control(text)
    parts = text.replace("\\", "/").split("/")
    if text.startswith(("/", "~")) or ".." in parts or not text:
        raise ValueError(f"{text!r} must be a path inside the folder: not absolute, no '..'")
    return text.removeprefix("./") or "."


RelativePath = Annotated[str, AfterValidator(_relative)]


def _absolute(text: str) -> str:
    _no_control(text)
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError(f"{text!r} must be an absolute path in the image, without '..'")
    return text


ImagePath = Annotated[str, AfterValidator(_absolute)]

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?:\.|:[0-9]+)?)(?::[0-9]+)?"
_REPOSITORY = rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*"

# The grammar of github.com/distribution/reference.
Reference = Annotated[
    str,
    AfterValidator(
        matching(
            rf"{_REPOSITORY}(?::[\w][\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?",
            "is not an image reference",
            limit=400,
        )
    ),
]
Repository = Annotated[
    str, AfterValidator(matching(rf"(?:{_HOST}|{_REPOSITORY})", "is not a repository", limit=255))
]


def _no_bool_words(value: Any) -> Any:
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


Flag = Annotated[bool, BeforeValidator(_no_bool_words), WithJsonSchema({"type": "boolean"})]
