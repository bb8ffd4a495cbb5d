"""`VERIFIED.json`: which recipes of the catalogue were really built and tested, where, and from what."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field

from edgebake.errors import EdgebakeError, Position
from edgebake.model.base import Model, Platform
from edgebake.model.decoding import decode
from edgebake.system.atomic import write_file
from edgebake.system.own_files import read_regular

RECORD = "VERIFIED.json"
"""Its name, in the catalogue's folder of recipes."""

State = Literal["verified", "stale", "failed", "checked only"]
STATES: tuple[State, ...] = get_args(State)
Key = tuple[str, str, str]


class Verification(Model):
    """One recipe, built on one target and platform, and tested.

    `given` are requirements that stood beside it. `locked` says that the image's Python packages were pinned first,
    if their indexes could be reached. `fingerprint` is that of its own stages, as they are without a lock, and of
    its test; `base` the image that it was built on. `fails_without` says that its test failed in an image without
    it, as it must. `seconds` is the time of building and testing; `size` that of the image in bytes, with all that
    it needs and the base.
    """

    recipe: str
    release: str
    target: str
    platform: Platform
    given: tuple[str, ...] = ()
    locked: bool = False
    fingerprint: str
    base: str
    result: Literal["passed", "failed"]
    fails_without: bool
    seconds: Annotated[float, Field(ge=0)]
    size: Annotated[int, Field(ge=0)] = 0
    reason: str = ""

    @property
    def key(self) -> Key:
        """What there is one record of."""
        return (self.recipe, self.target, self.platform)

    @property
    def ok(self) -> bool:
        """Whether it proves anything: the test passes with the recipe, and fails without."""
        return self.result == "passed" and self.fails_without


def read_verified(recipes: Path) -> dict[Key, Verification]:
    """Return what is recorded in a folder of recipes; empty if nothing is.

    Raises:
        EdgebakeError: the file is damaged.
    """
    path = recipes / RECORD
    if not path.is_file():
        return {}
    try:
        return {one.key: one for one in decode(list[Verification], read_regular(path))}
    except (OSError, ValueError) as error:
        reason = str(error)
        raise EdgebakeError(
            "the record of verified recipes is damaged", at=Position(str(path)), reason=reason
        ) from None


def write_verified(recipes: Path, records: Iterable[Verification]) -> None:
    """Write the record, sorted, as one change."""
    ordered = sorted(records, key=lambda one: one.key)
    data = [one.model_dump(mode="json", exclude_defaults=True) for one in ordered]
    write_file(recipes / RECORD, (json.dumps(data, indent=1) + "\n").encode())


def state_of(record: Verification | None, fingerprint: str) -> State:
    """Return what a record says of a recipe that has `fingerprint` now."""
    if record is None:
        return "checked only"
    if record.fingerprint != fingerprint:
        return "stale"
    return "verified" if record.ok else "failed"
