"""The base of all outputs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from typing_extensions import Self

from edgebake.model.base import Model

Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9/]+$", examples=["linux/arm64"])]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Record(Model):
    """The base of all parts of outputs. Fields that hold records accept any objects with the same attributes."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, source: object, /, **values: Any) -> Self:
        """Return a record whose values are the attributes of an object, except for those that are given."""
        names = {name for name in cls.model_fields if name not in values and hasattr(source, name)}
        if isinstance(source, Model):  # what has a short form, such as a requirement, is published as text
            return cls.model_validate(source.model_dump(include=names) | values)
        return cls.model_validate({name: getattr(source, name) for name in names} | values)


class Output(Record):
    """The base of all outputs."""

    version: Literal[1]
    """Version of the format. It changes if a key is removed, or changes its meaning."""
