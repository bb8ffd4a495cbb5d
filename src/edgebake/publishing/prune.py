"""Which tags a repository needs no more, and deleting them without harm to what is kept.

Only what edgebake itself makes is ever looked at: staging tags, and tags of a form that the project declares. A
digest is deleted only if no kept tag and no kept index needs it; otherwise the tag alone is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from edgebake.dataclasses import dataclass
from edgebake.graph.compile import Compilation
from edgebake.model.output.publishing import PrunableTag
from edgebake.plan.builder import Plan
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.settings import Settings, expanded_tags, registry_of
from edgebake.plan.stacks import wanted
from edgebake.registry.client import RawManifest, RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError, RegistryError
from edgebake.registry.images import config_of
from edgebake.registry.reference import Repository, parse_repository
from edgebake.registry.retag import remove_tag

DEFAULT_DAYS = 1.0
"""Younger staging tags may belong to a build that is not published yet."""


@dataclass(frozen=True)
class Rule:
    """What to keep: of each declared form of tag the newest images (all if None), and what is younger."""

    keep: int | None = None
    days: float = DEFAULT_DAYS


@dataclass(frozen=True)
class TagState:
    """A tag, what it names, and when that was made (None: it does not say)."""

    repository: Repository
    tag: str
    manifest: RawManifest
    created: datetime | None

    @property
    def reference(self) -> str:
        """The tag as a reference."""
        return str(self.repository.tagged(self.tag))


@dataclass(frozen=True)
class Prunable:
    """A tag that is not needed, and why."""

    state: TagState
    reason: str


# ── looking


@dataclass(frozen=True)
class Own:
    """One repository of the project: tags that are needed now, forms of those that were, and of passing ones.

    A passing tag is needed only while something is under way: one for staging, or the key of a stack that nothing
    declared is made from any more.
    """

    repository: Repository
    declared: frozenset[str]
    forms: tuple[str, ...]
    passing: re.Pattern[str]
    called: str = "staging tag"


def own_repositories(plan: Plan, settings: Settings, *, stacks: bool = False) -> list[Own]:
    """Return the repositories that a plan's images are published in; with `stacks`, the one of its stacks too."""
    compilation, registry = plan.compilation, registry_of(plan.compilation, settings)
    selected = sorted({target.bake_target.repository for target in plan.targets})
    own = [_own(compilation, settings, registry, repository) for repository in selected]
    return [*own, *(_stacks(compilation) if stacks else [])]


def _stacks(compilation: Compilation) -> list[Own]:
    """Return the repository of stacks: needed are the keys of all images of the project as it is now."""
    repository = compilation.workspace.project.stacks
    if repository is None:
        return []
    bake_targets = [(one, one.platforms) for one in compilation.graph.bake_targets]
    keys = wanted(bake_targets, Fingerprints(compilation))
    names = "|".join(re.escape(name) for name in sorted(compilation.targets))
    form = re.compile(rf"(?:{names})(?:-(?:amd64|arm64))+-[0-9a-f]{{32}}")
    return [Own(parse_repository(repository), frozenset(one.key for one in keys), (), form, "key of a stack")]


def _own(compilation: Compilation, settings: Settings, registry: str, repository: str) -> Own:
    # All that is declared there counts, selected or not.
    targets = [one for one in compilation.graph.bake_targets if one.repository == repository]
    indexes = [one for one in compilation.graph.indexes if one.repository == repository]
    forms = tuple(dict.fromkeys([*(tag for one in targets for tag in one.tags), *(one.tag for one in indexes)]))
    names = "|".join(re.escape(name) for name in sorted({one.target for one in targets}))
    staging = re.compile(rf"(?:{names})(?:-(?:amd64|arm64)-[0-9a-f]{{16}})+")
    declared = frozenset(expanded_tags(compilation, settings, forms))
    return Own(parse_repository(f"{registry}/{repository}"), declared, forms, staging)


def tag_states(client: RegistryClient, repository: Repository) -> list[TagState]:
    """Return all tags of a repository; those that go away meanwhile are left out."""
    found = client.each(lambda tag: _state(client, repository, tag), client.tags(repository))
    return [state for state in found if state is not None]


def _state(client: RegistryClient, repository: Repository, tag: str) -> TagState | None:
    manifest = client.find_manifest(repository.tagged(tag))
    return TagState(repository, tag, manifest, _created(client, repository, manifest)) if manifest else None


def _created(client: RegistryClient, repository: Repository, manifest: RawManifest) -> datetime | None:
    """Return when the newest of an index's images, or an image, was made."""
    try:
        if manifest.is_index:
            platforms = ((child.get("platform") or {}, str(child["digest"])) for child in manifest.children)
            digests = [digest for platform, digest in platforms if platform.get("os") != "unknown"]  # attestations
            inner = (client.manifest(repository.by_digest(digest)) for digest in digests)
            times = [time for one in inner if (time := _created(client, repository, one)) is not None]
            return max(times, default=None)
        return _time(str(config_of(client, repository, manifest).get("created", "")))
    except (NotFoundError, NotAnImageError, KeyError, ValueError):
        return None


def _time(text: str) -> datetime | None:
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", text)
    if match is None:
        return None
    time = datetime.fromisoformat(match[1]).replace(tzinfo=timezone.utc)
    return time if time.year > 1980 else None  # a reproducible build says 1970


# ── choosing


def prunable(own: Own, states: Sequence[TagState], rule: Rule, now: datetime) -> list[Prunable]:
    """Return the tags that are not needed, oldest first; never one that is declared, or is not of the project."""
    old = now - timedelta(days=rule.days)
    found = []
    by_form: dict[str, list[TagState]] = {}
    for state in states:
        if state.tag in own.declared:
            continue
        if own.passing.fullmatch(state.tag):
            if _is_old(state, old):
                found.append(Prunable(state, own.called))
        elif form := _form(own.forms, state.tag):
            by_form.setdefault(form, []).append(state)
    if rule.keep is not None:
        for form, members in by_form.items():
            beyond = [state for state in _beyond(members, rule.keep) if _is_old(state, old)]
            found += [Prunable(state, f"beyond the newest {rule.keep} of {form}") for state in beyond]
    return sorted(found, key=lambda one: (_or_epoch(one.state.created), one.state.tag))


def _beyond(states: Sequence[TagState], keep: int) -> list[TagState]:
    """Return the tags that do not name one of the newest images; several tags of one image count once."""
    newest = sorted(states, key=lambda state: (_or_epoch(state.created), state.tag), reverse=True)
    kept = list(dict.fromkeys(state.manifest.digest for state in newest))[:keep]
    return [state for state in newest if state.manifest.digest not in kept]


def _is_old(state: TagState, old: datetime) -> bool:
    return state.created is not None and state.created <= old


def _or_epoch(time: datetime | None) -> datetime:
    return time or datetime.fromtimestamp(0, timezone.utc)


def _form(forms: Iterable[str], tag: str) -> str | None:
    """Return the declared form that a tag has: the one with the most text of its own."""
    own_text = {form: re.split(r"\$\{\w+\}", form) for form in forms}
    patterns = {form: "[A-Za-z0-9_][A-Za-z0-9_.-]*".join(map(re.escape, own_text[form])) for form in own_text}
    fitting = [form for form, pattern in patterns.items() if re.fullmatch(pattern, tag)]
    return max(fitting, key=lambda form: len("".join(own_text[form])), default=None)


# ── deleting


def prune(
    client: RegistryClient, own: Sequence[Own], rule: Rule, now: datetime, *, delete: bool
) -> list[PrunableTag]:
    """Return the tags that are not needed, and with `delete` delete them and the manifests that only they need.

    Args:
        client: asks the registry.
        own: the repositories.
        rule: what is kept.
        now: the present time, with a time zone.
        delete: delete them.

    Raises:
        RegistryError: the registry cannot be reached. That it refuses to delete a tag is in the result.
    """
    found = []
    for repository in own:
        states = tag_states(client, repository.repository)
        chosen = prunable(repository, states, rule, now)
        gone = {tag.state.tag for tag in chosen}
        needed = {digest for state in states if state.tag not in gone for digest in _digests(state.manifest)}
        found += [_pruned(tag, _delete(client, tag.state, needed) if delete else None) for tag in chosen]
    return found


def _pruned(tag: Prunable, refused: str | None) -> PrunableTag:
    """Return a tag's row. `refused`: why it was not deleted, "" if it was; None if that was not asked for."""
    created = tag.state.created
    return PrunableTag(
        reference=tag.state.reference,
        digest=tag.state.manifest.digest,
        created=created.isoformat() if created else None,
        reason=tag.reason,
        deleted=refused == "",
        refused=refused or None,
    )


def _digests(manifest: RawManifest) -> set[str]:
    return {manifest.digest, *(str(child["digest"]) for child in manifest.children)}


def _delete(client: RegistryClient, state: TagState, needed: set[str]) -> str:
    """Delete a tag, and its manifests unless something else needs them; return why that was refused, or ""."""
    repository, digest = state.repository, state.manifest.digest
    try:
        remove_tag(client, repository.tagged(state.tag))
        # From the index down: a child is never gone while something names it.
        digests = [digest, *sorted(_digests(state.manifest) - {digest})]
        for one in (one for one in digests if digest not in needed and one not in needed):
            with suppress(NotFoundError):  # deleted with another tag
                client.delete(repository.by_digest(one))
    except RegistryError as error:
        return (error.reason or error.message).splitlines()[0]
    return ""
