"""Merging: the declared tags from parts that were built elsewhere. A tag is written whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from edgebake.errors import EdgebakeError, ErrorGroup, Position
from edgebake.graph.build_graph import Index
from edgebake.graph.image_stage import index_annotations
from edgebake.model.labels import fingerprint_label
from edgebake.model.output.publishing import KeptTag, Publish, PublishedTag
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, expanded_tags, registry_of
from edgebake.publishing.collect import Found, Parts
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotFoundError, RegistryError, UnreachableError
from edgebake.registry.images import PlatformImage, labels_of, read_image
from edgebake.registry.reference import parse_repository
from edgebake.registry.retag import remove_tag
from edgebake.registry.tags import Report, TagSet, settled, write_tags

_MERGES = 4  # processes of Buildx at once


@dataclass(frozen=True)
class _Read:
    """A part as it is in the registry, and the annotations of the index that it came in."""

    image: PlatformImage
    annotations: Mapping[str, str]


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

    def __post_init__(self) -> None:
        self._registry = registry_of(self.plan.compilation, self.settings)

    def publish(self, parts: Parts) -> Publish:
        """Write all declared tags, then remove the staging tags.

        Raises:
            EdgebakeError: a part is not in the registry or is not what its digest file says (then nothing is
                written), or a merge fails (then every tag is as it was, or whole).
        """
        wanted = self.wanted(parts)
        published = list(chain.from_iterable(self.client.each(self._write, wanted, at_once=_MERGES)))
        declared = {str(one.repository.tagged(tag)) for one in wanted for tag in one.tags}
        removed, kept = self._remove_staging(parts, declared)
        return Publish(version=1, published=published, removed=removed, kept=kept)

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
        images = {(one.part.bake_target, one.part.platform): image for one, image in zip(found, read, strict=True)}
        return [*self._of_targets(images), *self._of_indexes(images)]  # type: ignore[arg-type]

    def _of_targets(self, images: Mapping[tuple[str, str], _Read]) -> Iterator[TagSet]:
        compilation = self.plan.compilation
        for target in self.plan.targets:
            one = target.bake_target
            own = [images[one.name, platform] for platform in one.platforms]
            tags = expanded_tags(compilation, self.settings, one.tags)
            annotations = index_annotations(compilation.plan_of(one))
            yield self._wanted(one.name, one.repository, tags, own, annotations)

    def _of_indexes(self, images: Mapping[tuple[str, str], _Read]) -> Iterator[TagSet]:
        compilation = self.plan.compilation
        selected = {target.bake_target.name: target.bake_target for target in self.plan.targets}
        for index in compilation.graph.indexes:
            if all(name in selected for _, name in index.parts):
                own = [images[name, platform] for platform, name in index.parts]
                tags = expanded_tags(compilation, self.settings, [index.tag])
                annotations = index_annotations(compilation.plan_of(selected[index.parts[0][1]]))
                yield self._wanted(index_name(index), index.repository, tags, own, annotations)

    def _wanted(
        self, owner: str, repository: str, tags: Sequence[str], own: Sequence[_Read], annotations: Mapping[str, str]
    ) -> TagSet:
        images = tuple(read.image for read in own)
        kept = {key: value for read in reversed(own) for key, value in read.annotations.items()}
        several = {**kept, **annotations} if len(images) > 1 else {}
        return TagSet(owner, parse_repository(f"{self._registry}/{repository}"), tuple(tags), images, several)

    def _read(self, found: Found) -> _Read | EdgebakeError:
        try:
            return self._read_part(found)
        except NotFoundError:
            reason = f"it says {found.part.repository}@{found.part.digest}, which is not in the registry"
            at = Position(str(found.path))
            return EdgebakeError(f"{found.part.bake_target} ({found.part.platform}) is gone", at=at, reason=reason)
        except UnreachableError:
            raise
        except EdgebakeError as error:
            return error

    def _read_part(self, found: Found) -> _Read:
        part = found.part
        repository = parse_repository(part.repository)
        whole = settled(lambda: read_image(self.client, repository.by_digest(part.digest)))
        of_platform = [image for image in whole.images if image.platform == part.platform]
        at, what = Position(str(found.path)), f"{part.bake_target} ({part.platform})"
        if len(of_platform) != 1:
            there = ", ".join(image.platform for image in whole.images) or "nothing"
            raise EdgebakeError(
                f"{what} is not what the digest file says", at=at, reason=f"{whole.reference} is for {there}"
            )
        label = fingerprint_label(part.platform)
        labels = labels_of(self.client, repository, of_platform[0])
        if labels.get(label) != part.fingerprint:
            raise EdgebakeError(
                f"{what} is not what the digest file says",
                at=at,
                reason=f"{whole.reference} has the fingerprint {labels.get(label, '(none)')}",
            )
        return _Read(of_platform[0], whole.annotations)

    def _write(self, wanted: TagSet) -> list[PublishedTag]:
        return write_tags(self.client, wanted, self.report)

    # ── staging tags

    def _remove_staging(self, parts: Parts, declared: set[str]) -> tuple[list[str], list[KeptTag]]:
        tags = {
            parse_repository(one.part.repository).tagged(one.part.staging_tag)
            for by_platform in parts.values()
            for one in by_platform.values()
            if one.part.staging_tag
        }
        removed, kept = [], []
        for tag in sorted((tag for tag in tags if str(tag) not in declared), key=str):
            try:
                if remove_tag(self.client, tag):
                    removed.append(str(tag))
            except RegistryError as error:
                kept.append(KeptTag(reference=str(tag), reason=(error.reason or error.message).splitlines()[0]))
        return removed, kept


def index_name(index: Index) -> str:
    """Return what an index over several targets is called in messages."""
    return f"{index.image} (index {index.tag})"
