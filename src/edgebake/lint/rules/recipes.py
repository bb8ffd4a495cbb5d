"""What a recipe owes to those who use it: a test and a licence."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject

MISSING_TEST = Rule(
    "missing-test",
    "a recipe has no test",
    "write a small computation that checks its result, and name it in test.script",
)
MISSING_LICENCE = Rule(
    "missing-licence",
    "a recipe does not name the licence of its software",
    "set license to its SPDX expression; of your own software, for example LicenseRef-Proprietary",
    "info",
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what recipes lack."""
    for loaded in subject.recipes:
        at = loaded.document.at(("name",), key=True)
        if loaded.recipe.test is None:
            yield MISSING_TEST.found(f"the recipe {loaded.name!r} has no test", at, recipe=loaded.name)
        if not loaded.recipe.license:
            yield MISSING_LICENCE.found(f"the recipe {loaded.name!r} names no licence", at, recipe=loaded.name)
