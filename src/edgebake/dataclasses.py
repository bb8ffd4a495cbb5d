"""The standard library's dataclasses, cheaper to declare.

`dataclasses.dataclass(frozen=True)` compiles seven methods for each class, which takes half a millisecond: a tenth
of a whole `edgebake plan`. Here only `__init__` is compiled. The other methods are shared, and the type checker
refuses to assign a frozen field, because it reads this decorator as the standard library's.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(declared=None, /, *, frozen=False, slots=False, eq=True):
        """Make a class a dataclass; the arguments are those of the standard library's."""

        def decorate(declared):
            if "__repr__" not in vars(declared):
                declared.__repr__ = _repr
            made = dataclasses.dataclass(repr=False, eq=False, slots=slots)(declared)
            return _comparable(made, hashable=frozen) if eq else made

        return decorate if declared is None else decorate(declared)


def _comparable(declared: type, *, hashable: bool) -> type:
    """Add equality and a hash by the fields that are compared, unless the class has its own."""
    names = [field.name for field in dataclasses.fields(declared) if field.compare]
    values = attrgetter(*names) if names else (lambda _: ())

    def equal(self: object, other: object) -> bool:
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def hash_of(self: object) -> int:
        return hash(values(self))

    own = vars(declared)
    if "__eq__" not in own:
        declared.__eq__ = equal  # type: ignore[method-assign,assignment]
    if own.get("__hash__") is None:
        declared.__hash__ = hash_of if hashable else None  # type: ignore[method-assign,assignment]
    return declared


@recursive_repr()
def _repr(self: Any) -> str:
    """Write an object as the call that makes it."""
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
