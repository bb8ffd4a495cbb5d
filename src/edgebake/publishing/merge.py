"""Merging: the declared tags from parts that were built elsewhere. A tag is written whole, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup, Position
from edgebake.graph.image_stage import index_annotations
from edgebake.model.labels import fingerprint_label
from edgebake.model.output.publishing import KeptTag, Publish
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, expanded_tags, registry_of
from edgebake.plan.target_plan import TargetPlan
from edgebake.publishing.collect import Found, Parts
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotFoundError, RegistryError, UnreachableError
from edgebake.registry.images import PlatformImage, labels_of, read_image
from edgebake.registry.reference import Repository, parse_repository
from edgebake.registry.retag import remove_tag
from edgebake.registry.tags import Report, TagSet, settled, write_tags

_MERGES = 4  # processes of Buildx at once


@dataclass(frozen=True)
class _Read:
    """A part as it is in the registry, and the annotations of the index that it came in."""

    image: PlatformImage
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class DeclaredTags:
    """The tags of a bake target, or that of an index over several; `parts` are the images in it, by platform."""

    owner: str
    repository: Repository
    tags: tuple[str, ...]
    parts: Mapping[str, TargetPlan]


def declared_tags(plan: Plan, settings: Settings) -> Iterator[DeclaredTags]:
    """Yield the tags of each image of a plan, and those over several targets that are all selected.

    Raises:
        EdgebakeError: the value of a variable makes something that is no tag.
    """

    def declared(owner: str, repository: str, tags: Sequence[str], parts: Mapping[str, TargetPlan]) -> DeclaredTags:
        place = parse_repository(f"{registry_of(plan.compilation, settings)}/{repository}")
        return DeclaredTags(owner, place, tuple(expanded_tags(plan.compilation, settings, tags)), parts)

    selected = {target.bake_target.name: target for target in plan.targets}
    for name, target in selected.items():
        one = target.bake_target
        yield declared(name, one.repository, one.tags, dict.fromkeys(one.platforms, target))
    for index in plan.compilation.graph.indexes:
        if all(name in selected for _, name in index.parts):
            owner, parts = f"{index.image} (index {index.tag})", {p: selected[name] for p, name in index.parts}
            yield declared(owner, index.repository, [index.tag], parts)


def joined(results: Sequence[Publish]) -> Publish:
    """Return the results of several publishes as one."""
    return Publish(
        version=1,
        published=[tag for result in results for tag in result.published],
        removed=[tag for result in results for tag in result.removed],
        kept=[tag for result in results for tag in result.kept],
    )


@dataclass
class Publisher:
    """Publishes a plan's bake targets."""

    plan: Plan  # what is published; the fingerprints are those of the project as it is now
    settings: Settings  # registry, tags and variables
    client: RegistryClient  # asks the registry
    report: Report = lambda line: None  # called with a line for each tag

    def publish(self, parts: Parts) -> Publish:
        """Write all declared tags, then remove the staging tags.

        Raises:
            EdgebakeError: a part is not in the registry or is not what its digest file says (then nothing is
                written), or a merge fails (then every tag is as it was, or whole).
        """
        wanted = self.wanted(parts)
        written = self.client.each(lambda tags: write_tags(self.client, tags, self.report), wanted, at_once=_MERGES)
        declared = {str(one.repository.tagged(tag)) for one in wanted for tag in one.tags}
        removed, kept = self._remove_staging(parts, {one.repository for one in wanted}, declared)
        return Publish(version=1, published=[*chain.from_iterable(written)], removed=removed, kept=kept)

    # ── what is to be there

    def wanted(self, parts: Parts) -> list[TagSet]:
        """Return the tags to write. Asks for every part, and writes nothing.

        Raises:
            EdgebakeError: parts are not in the registry, or not what their files say.
        """
        found = [one for by_platform in parts.values() for one in by_platform.values()]
        read = self.client.each(self._read, found)
        errors = [error for error in read if isinstance(error, EdgebakeError)]
        if errors:
            raise ErrorGroup(errors)
        pairs = zip((one.part for one in found), read, strict=True)
        images = {(part.bake_target, part.platform): one for part, one in pairs if isinstance(one, _Read)}
        return [self._tag_set(one, images) for one in declared_tags(self.plan, self.settings)]

    def _tag_set(self, declared: DeclaredTags, images: Mapping[tuple[str, str], _Read]) -> TagSet:
        own = [images[target.bake_target.name, platform] for platform, target in declared.parts.items()]
        kept = {key: value for read in reversed(own) for key, value in read.annotations.items()}
        first = next(iter(declared.parts.values()))
        annotations = index_annotations(self.plan.compilation.plan_of(first.bake_target))
        several = {**kept, **annotations} if len(own) > 1 else {}
        return TagSet(declared.owner, declared.repository, declared.tags, tuple(one.image for one in own), several)

    def _read(self, found: Found) -> _Read | EdgebakeError:
        """Return a part, or why it cannot be used. That the registry cannot be reached is raised."""
        part, repository = found.part, parse_repository(found.part.repository)
        at, what = Position(str(found.path)), f"{part.bake_target} ({part.platform})"
        try:
            whole = settled(lambda: read_image(self.client, repository.by_digest(part.digest)))
            of_platform = [image for image in whole.images if image.platform == part.platform]
            reason = f"{whole.reference} is for {', '.join(image.platform for image in whole.images) or 'nothing'}"
            if len(of_platform) == 1:
                labels = labels_of(self.client, repository, of_platform[0])
                fingerprint = labels.get(fingerprint_label(part.platform), "(none)")
                if fingerprint == part.fingerprint:
                    return _Read(of_platform[0], whole.annotations)
                reason = f"{whole.reference} has the fingerprint {fingerprint}"
            return EdgebakeError(f"{what} is not what the digest file says", at=at, reason=reason)
        except NotFoundError:
            reason = f"it says {part.repository}@{part.digest}, which is not in the registry"
            return EdgebakeError(f"{what} is gone", at=at, reason=reason)
        except UnreachableError:
            raise
        except EdgebakeError as error:
            return error

    # ── staging tags

    def _remove_staging(
        self, parts: Parts, own: Collection[Repository], declared: set[str]
    ) -> tuple[list[str], list[KeptTag]]:
        """Remove the tags that parts were pushed under; only in repositories that are published to."""
        found = [one.part for by_platform in parts.values() for one in by_platform.values()]
        tags = {parse_repository(p.repository).tagged(p.staging_tag) for p in found if p.staging_tag}
        removed, kept = [], []
        for tag in sorted((tag for tag in tags if str(tag) not in declared), key=str):
            try:
                if tag.repository not in own:
                    kept.append(KeptTag(reference=str(tag), reason="nothing is published to its repository"))
                elif remove_tag(self.client, tag):
                    self.report(f"{'removed':<9} {tag}")
                    removed.append(str(tag))
            except RegistryError as error:
                kept.append(KeptTag(reference=str(tag), reason=(error.reason or error.message).splitlines()[0]))
        return removed, kept
