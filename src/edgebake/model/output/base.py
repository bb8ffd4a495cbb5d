"""The base of all outputs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edgebake.model.base import Model

Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9/]+$", examples=["linux/arm64"])]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Output(Model):
    """The base of all outputs."""

    version: Literal[1]
    """Version of the format. It changes if a key is removed, or changes its meaning."""
