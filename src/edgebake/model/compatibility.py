"""Compatibility of one framework, `targets/compatibility/<framework>.yaml`: which releases run on which targets."""

from __future__ import annotations

from pydantic import model_validator

from edgebake.model.base import BadValue, Line, Model, Name, OneOrMany
from edgebake.model.condition import ConditionField
from edgebake.model.target import Sm, TargetVersion


class Row(Model):
    """Releases and the targets they run on, or targets without any release."""

    releases: OneOrMany[TargetVersion] = ()
    """Releases that run there, newest first. Not in a row with `absent`."""
    when: ConditionField
    """Targets: facts (cuda, python, jetpack, sm, …) as in a recipe's `when`."""
    cudnn: Line | None = None
    """Version of cuDNN that the build needs (`>=9`), or `own` if the build includes it."""
    sm: OneOrMany[Sm] = ()
    """GPU architectures that the build supports; empty if its pages do not list them."""
    origin: Line | None = None
    """Origin of the build: an index, a page or an archive."""
    absent: Line | None = None
    """Reason why no build exists there. Such a row has no releases."""
    no_recipe: Line | None = None
    """Reason why the recipe of this name does not offer these releases there."""
    sources: OneOrMany[Line]
    """Pages that the facts come from."""

    @model_validator(mode="after")
    def _releases_or_reason(self) -> Row:
        if not self.sources:
            raise BadValue("must not be empty", path=("sources",))
        if bool(self.releases) == bool(self.absent):
            raise BadValue("a row needs exactly one of `releases` and `absent`")
        if self.releases and not self.origin:
            raise BadValue("a row with `releases` needs `origin`")
        if len(set(self.releases)) != len(self.releases):
            raise BadValue("a release is listed twice", path=("releases",))
        for key in ("cudnn", "sm", "origin", "no_recipe"):
            if self.absent and getattr(self, key):
                raise BadValue(f"a row with `absent` cannot have {key!r}", path=(key,), is_key=True)
        return self


class Framework(Model):
    """Compatibility data of one framework."""

    name: Name
    """Name of the framework, of the file, and of its recipe if it has one."""
    summary: Line
    """What its builds have in common, in one line."""
    rows: tuple[Row, ...]
    """Releases and the targets they run on."""

    @model_validator(mode="after")
    def _not_empty(self) -> Framework:
        # Field(min_length=1) does not count an invalid row, so one mistake would be reported as two.
        if not self.rows:
            raise BadValue("must not be empty", path=("rows",))
        return self
