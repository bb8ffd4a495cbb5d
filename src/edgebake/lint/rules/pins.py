"""What the lock does not pin, as the compilation notes it. Only a project has a lock."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject

UNPINNED_BASE = Rule("unpinned-base", "a base image is taken at a tag, which can change", "pin it: edgebake lock")
UNPINNED_PYTHON = Rule(
    "unpinned-python", "an image's Python packages are resolved again by each build", "pin them: edgebake lock"
)
_RULES = {"base": UNPINNED_BASE, "python": UNPINNED_PYTHON}
"""By kind of note."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield the notes about what is not pinned; those about git sources are a rule of `sources`."""
    if subject.stands_for or subject.workspace.document is None:
        return
    selected = {(plan.name, plan.target.name) for plan in subject.plans}
    targets = {target for _, target in selected}
    for note in subject.compilation.notes:
        rule = _RULES.get(note.kind)
        if rule and (note.target in targets if not note.image else (note.image, note.target) in selected):
            at = subject.project_at("images", note.image) if note.image else subject.project_at("images")
            yield rule.found(note.text, at, image=note.image, targets=[note.target])
