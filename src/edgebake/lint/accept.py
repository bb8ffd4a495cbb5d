"""What files accept: entries of `lint.ignore`, and other severities. Each has to name a rule, and to be of use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup, Position, did_you_mean
from edgebake.lint.finding import Finding
from edgebake.lint.rules import BUILDKIT_CHECK, RULE_IDS, UNUSED_IGNORE
from edgebake.lint.subject import Subject
from edgebake.load.document import Document, Location


@dataclass(frozen=True)
class Ignore:
    """One entry of `lint.ignore`. Without recipe and image it is the project's, and holds for everything."""

    rule: str
    reason: str
    at: Position
    recipe: str = ""
    image: str = ""

    def accepts(self, finding: Finding) -> bool:
        """Tell whether the entry is about a finding."""
        if finding.rule.id != self.rule or finding.rule is UNUSED_IGNORE:
            return False
        if self.recipe or self.image:
            return (self.recipe, self.image) in ((finding.recipe, ""), ("", finding.image))
        return True


def ignores_of(subject: Subject) -> list[Ignore]:
    """Return all entries: of recipes, then of images, then of the project.

    Raises:
        EdgebakeError: an entry names no rule.
    """
    found, errors = [], []
    for document, location, entries, recipe, image in _places(subject):
        for rule, reason in entries.items():
            at = document.at((*location, rule), key=True)
            if rule in RULE_IDS:
                found.append(Ignore(rule, reason, at, recipe, image))
            else:
                errors.append(unknown_rule(rule, at))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)
    return found


def _places(subject: Subject) -> Iterator[tuple[Document, Location, Mapping[str, str], str, str]]:
    """Yield entries with their document and location, and the recipe or image that they are of.

    What a recipe accepts also holds in the images that have it.
    """
    pinned = (view.pin.loaded for plan in subject.plans for view in plan.views.values())
    recipes = {loaded.name: loaded for loaded in (*pinned, *subject.recipes)}
    for name, loaded in sorted(recipes.items()):
        yield loaded.document, ("lint", "ignore"), loaded.recipe.lint.ignore, name, ""
    project, document = subject.workspace.project, subject.workspace.document
    if document is not None:
        for name, image in project.images.items():
            yield document, ("images", name, "lint", "ignore"), image.lint.ignore, "", name
        yield document, ("lint", "ignore"), project.lint.ignore, "", ""


def unknown_rule(rule: str, at: Position | None) -> EdgebakeError:
    """Return the error for a word that names no rule."""
    return EdgebakeError(f"unknown rule {rule!r}", at=at, hints=did_you_mean(rule, RULE_IDS, kind="rule"))


def with_severities(subject: Subject, findings: Iterable[Finding]) -> list[Finding]:
    """Return findings as grave as the project says.

    Raises:
        EdgebakeError: the project sets the severity of what is no rule.
    """
    given, document = subject.workspace.project.lint.severity, subject.workspace.document
    for rule in given:
        if rule not in RULE_IDS:
            raise unknown_rule(rule, document.at(("lint", "severity", rule), key=True) if document else None)
    return [replace(one, severity=given.get(one.rule.id, one.severity)) for one in findings]


def accepted(ignores: Sequence[Ignore], findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that stand, and those that are accepted, with their reasons."""
    standing, known = [], []
    for finding in findings:
        entry = next((ignore for ignore in ignores if ignore.accepts(finding)), None)
        if entry is None:
            standing.append(finding)
        else:
            known.append(replace(finding, reason=entry.reason))
    return standing, known


def unused(
    subject: Subject, ignores: Sequence[Ignore], findings: Sequence[Finding], *, buildkit: bool
) -> Iterator[Finding]:
    """Yield a finding for each entry that accepts none of `findings`.

    An entry is judged only if everything that it could be about was looked at: not where a selection has left out
    targets or images, not of a built-in recipe in a project, not of a recipe that is in no image, not about
    BuildKit's checks if they did not run.
    """
    linted = {loaded.name for loaded in subject.recipes if subject.views(loaded.name)}
    for entry in ignores:
        looked_at = subject.whole and (entry.recipe in linted if entry.recipe else not subject.stands_for)
        has_run = buildkit or entry.rule != BUILDKIT_CHECK.id
        if looked_at and has_run and not any(entry.accepts(finding) for finding in findings):
            message = f"{entry.rule!r} is ignored, but finds nothing"
            yield UNUSED_IGNORE.found(message, entry.at, recipe=entry.recipe, image=entry.image)
