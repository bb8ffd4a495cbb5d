"""System packages: lists that scripts leave in a layer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.scripts import Script, scripts_of
from edgebake.lint.subject import Subject

PACKAGE_LISTS = Rule(
    "package-lists",
    "warning",
    "package lists stay in an image's layer",
    "install with install.apt, which keeps them in a cache; or end the script with: rm -rf /var/lib/apt/lists/*",
)
RULES = (PACKAGE_LISTS,)

_LISTS = "/var/lib/apt/lists"
_MOUNTED = re.compile(rf"--mount=\S*(?:target|dst|destination)={_LISTS}")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what install scripts leave behind; nothing of a build half's stage is shipped but its artifact."""
    for loaded in subject.recipes:
        for script in scripts_of(subject.workspace, loaded):
            if script.half == "install":
                yield from _lists(script)


def _lists(script: Script) -> Iterator[Finding]:
    updates = [c for c in script.commands if c.program in ("apt-get", "apt", "aptitude") and c.has("update")]
    cleans = any(c.program in ("rm", "find") and any(_LISTS in w for w in c.arguments) for c in script.commands)
    if updates and not cleans and not _MOUNTED.search(script.text):
        first = updates[0]
        message = f"{first.program} update leaves its package lists in the layer"
        yield PACKAGE_LISTS.found(message, script.at(first.line, first.column), recipe=script.recipe)
