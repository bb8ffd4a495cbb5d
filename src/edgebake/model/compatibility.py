"""Compatibility of one framework, `targets/compatibility/<framework>.yaml`: which releases run on which targets."""

from __future__ import annotations

from pydantic import model_validator

from edgebake.model.base import BadValue, Line, Model, Name, OneOrMany
from edgebake.model.condition import ConditionField
from edgebake.model.target import Sm, TargetVersion


class Row(Model):
    """Releases and the targets where they run, or targets where no release does."""

    releases: OneOrMany[TargetVersion] = ()
    """Releases that run there, newest first; none in a row that says why there is none."""
    when: ConditionField
    """On which targets: facts (cuda, python, jetpack, sm, …) as in a recipe's `when`."""
    cudnn: Line | None = None
    """The cuDNN that the build needs (`>=9`), or `own` if it brings one."""
    sm: OneOrMany[Sm] = ()
    """GPU architectures that the build has code for; none if its pages do not say."""
    origin: Line | None = None
    """Where the build comes from: an index, a page, an archive."""
    absent: Line | None = None
    """Why there is no build there; the row then names no releases."""
    no_recipe: Line | None = None
    """Why the recipe of this name does not offer these releases there."""
    sources: OneOrMany[Line]
    """Pages that the row comes from."""

    @model_validator(mode="after")
    def _releases_or_reason(self) -> Row:
        if not self.sources:
            raise BadValue("must not be empty", path=("sources",))
        if bool(self.releases) == bool(self.absent):
            raise BadValue("a row has either `releases`, or `absent` with the reason why there are none")
        if self.releases and not self.origin:
            raise BadValue("a row with releases says in `origin` where they come from")
        if len(set(self.releases)) != len(self.releases):
            raise BadValue("a release stands twice", path=("releases",))
        for key in ("cudnn", "sm", "origin", "no_recipe"):
            if self.absent and getattr(self, key):
                raise BadValue(f"a row with `absent` has no {key!r}", path=(key,), is_key=True)
        return self


class Framework(Model):
    """Everything in one file of compatibility data."""

    name: Name
    """The framework's name; also the file's, and that of its recipe if there is one."""
    summary: Line
    """One line that says what its builds have in common."""
    rows: tuple[Row, ...]
    """Which releases run where."""

    @model_validator(mode="after")
    def _not_empty(self) -> Framework:
        # Field(min_length=1) would count a row that is wrong as none, and tell two mistakes.
        if not self.rows:
            raise BadValue("must not be empty", path=("rows",))
        return self
