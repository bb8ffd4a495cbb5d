"""Merging: the declared tags from parts that were built elsewhere. A tag is written whole, or not at all."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeVar

from edgebake.errors import EdgebakeError, ErrorGroup, Position
from edgebake.execute.overrides import fingerprint_label
from edgebake.execute.settings import Settings, expanded_tags, registry_of
from edgebake.graph.build_graph import Index
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import index_annotations
from edgebake.observe.client import RegistryClient
from edgebake.observe.errors import NotAnImageError, NotFoundError, RegistryError, UnreachableError
from edgebake.observe.images import PlatformImage, RegistryImage, labels_of, read_image
from edgebake.observe.reference import Reference, Repository, parse_repository
from edgebake.plan.builder import Plan
from edgebake.publishing.collect import Found, Parts
from edgebake.publishing.retag import remove_tag

TIMEOUT = 600  # seconds; a merge copies nothing within one repository

_MERGES = 4  # processes of Buildx at once
_PAUSES = (0.2, 0.6, 2.0)  # seconds between tries
T = TypeVar("T")
State = Literal["published", "same"]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Tags of one repository, and what they are to name.

    `owner` is a bake target, or the image of an index over several.
    """

    owner: str
    repository: Repository
    tags: tuple[str, ...]
    images: tuple[PlatformImage, ...]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class Published:
    """A tag, what it names now, and whether it did so before."""

    owner: str
    reference: str
    digest: str
    platforms: Mapping[str, str]
    state: State


@dataclass(frozen=True)
class Outcome:
    """What a publish did: tags, staging tags that are gone, and why others are not."""

    published: tuple[Published, ...]
    removed: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """Return several outcomes as one."""
    found = list(outcomes)
    return Outcome(
        tuple(one for outcome in found for one in outcome.published),
        tuple(one for outcome in found for one in outcome.removed),
        tuple(one for outcome in found for one in outcome.kept),
    )


class Publisher:
    """Publishes a plan's bake targets.

    Args:
        plan: what is published; the fingerprints are those of the project as it is now.
        settings: registry, tags and variables.
        client: asks the registry.
        tell: is told each tag.
    """

    def __init__(
        self, plan: Plan, settings: Settings, client: RegistryClient, tell: Tell = lambda line: None
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._client = client
        self._tell = tell
        self._registry = registry_of(plan.compilation, settings)

    def publish(self, parts: Parts) -> Outcome:
        """Write all declared tags, then remove the staging tags.

        Raises:
            EdgebakeError: a part is not in the registry or is not what its digest file says (then nothing is
                written), or a merge fails (then every tag is as it was, or whole).
        """
        wanted = self.wanted(parts)
        published = tuple(chain.from_iterable(self._client.each(self._write, wanted, at_once=_MERGES)))
        declared = {str(one.repository.tagged(tag)) for one in wanted for tag in one.tags}
        removed, kept = self._remove_staging(parts, declared)
        return Outcome(published, tuple(removed), tuple(kept))

    # ── what is to be there

    def wanted(self, parts: Parts) -> list[Wanted]:
        """Return the tags to write. Asks for every part, and writes nothing.

        Raises:
            EdgebakeError: parts are not in the registry, or not what their files say.
        """
        found = [one for by_platform in parts.values() for one in by_platform.values()]
        read = self._client.each(self._read, found)
        errors = [error for error in read if isinstance(error, EdgebakeError)]
        if errors:
            raise ErrorGroup(errors)
        images = {(one.part.bake_target, one.part.platform): image for one, image in zip(found, read, strict=True)}
        return [*self._of_targets(images), *self._of_indexes(images)]  # type: ignore[arg-type]

    def _of_targets(self, images: Mapping[tuple[str, str], _Read]) -> Iterator[Wanted]:
        compilation = self._plan.compilation
        for target in self._plan.targets:
            one = target.bake_target
            own = [images[one.name, platform] for platform in one.platforms]
            tags = expanded_tags(compilation, self._settings, one.tags)
            annotations = index_annotations(compilation.plan_of(one))
            yield self._wanted(one.name, one.repository, tags, own, annotations)

    def _of_indexes(self, images: Mapping[tuple[str, str], _Read]) -> Iterator[Wanted]:
        compilation = self._plan.compilation
        selected = {target.bake_target.name: target.bake_target for target in self._plan.targets}
        for index in compilation.graph.indexes:
            if all(name in selected for _, name in index.parts):
                own = [images[name, platform] for platform, name in index.parts]
                tags = expanded_tags(compilation, self._settings, [index.tag])
                annotations = index_annotations(compilation.plan_of(selected[index.parts[0][1]]))
                yield self._wanted(index_name(index), index.repository, tags, own, annotations)

    def _wanted(
        self, owner: str, repository: str, tags: Sequence[str], own: Sequence[_Read], annotations: Mapping[str, str]
    ) -> Wanted:
        images = tuple(read.image for read in own)
        kept = {key: value for read in reversed(own) for key, value in read.annotations.items()}
        several = {**kept, **annotations} if len(images) > 1 else {}
        return Wanted(owner, parse_repository(f"{self._registry}/{repository}"), tuple(tags), images, several)

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
        whole = settled(lambda: read_image(self._client, repository.by_digest(part.digest)))
        of_platform = [image for image in whole.images if image.platform == part.platform]
        at, what = Position(str(found.path)), f"{part.bake_target} ({part.platform})"
        if len(of_platform) != 1:
            there = ", ".join(image.platform for image in whole.images) or "nothing"
            raise EdgebakeError(
                f"{what} is not what the digest file says", at=at, reason=f"{whole.reference} is for {there}"
            )
        label = fingerprint_label(part.platform)
        labels = labels_of(self._client, repository, of_platform[0])
        if labels.get(label) != part.fingerprint:
            raise EdgebakeError(
                f"{what} is not what the digest file says",
                at=at,
                reason=f"{whole.reference} has the fingerprint {labels.get(label, '(none)')}",
            )
        return _Read(of_platform[0], whole.annotations)

    def _write(self, wanted: Wanted) -> list[Published]:
        return write_tags(self._client, wanted, self._tell)

    # ── staging tags

    def _remove_staging(self, parts: Parts, declared: set[str]) -> tuple[list[str], list[tuple[str, str]]]:
        tags = {
            parse_repository(one.part.repository).tagged(one.part.staging_tag)
            for by_platform in parts.values()
            for one in by_platform.values()
            if one.part.staging_tag
        }
        removed, kept = [], []
        for tag in sorted((tag for tag in tags if str(tag) not in declared), key=str):
            try:
                if remove_tag(self._client, tag):
                    removed.append(str(tag))
            except RegistryError as error:
                kept.append((str(tag), (error.reason or error.message).splitlines()[0]))
        return removed, kept


def write_tags(client: RegistryClient, wanted: Wanted, tell: Tell) -> list[Published]:
    """Write the tags that do not name this already, and see that they do.

    Raises:
        EdgebakeError: Buildx cannot merge, or a tag is not whole afterwards.
    """
    references = [wanted.repository.tagged(tag) for tag in wanted.tags]
    stale = [reference for reference in references if not _is(wanted, _find(client, reference))]
    if stale:
        _merge(client, wanted, stale)
    return [_verified(client, wanted, one, "published" if one in stale else "same", tell) for one in references]


def write_index(
    client: RegistryClient,
    repository: str,
    tags: Sequence[str],
    owner: str,
    images: Mapping[str, PlatformImage],
    plan: ImagePlan,
) -> list[Published]:
    """Write images of several platforms under tags, as :func:`write_tags` does."""
    annotations = index_annotations(plan) if len(images) > 1 else {}
    wanted = Wanted(owner, parse_repository(repository), tuple(tags), tuple(images.values()), annotations)
    return write_tags(client, wanted, lambda line: None)


def settled(read: Callable[[], T]) -> T:
    """Return what is read, if need be at a later try: what others are writing may not be there for a moment.

    Raises:
        RegistryError: it is not there, or the registry does not show it.
    """
    for pause in _PAUSES:
        try:
            return read()
        except NotFoundError:
            time.sleep(pause)
    return read()


def _merge(client: RegistryClient, wanted: Wanted, references: Sequence[Reference]) -> None:
    """Write the tags, if need be at a later try: distribution 2 refuses what others write at the same moment."""
    for pause in _PAUSES:
        try:
            return _imagetools_create(wanted, references)
        except EdgebakeError as error:
            if re.search(r"denied|unauthorized|forbidden|no docker", str(error), re.IGNORECASE):
                raise
            time.sleep(pause * random.uniform(0.5, 1.5))
            if all(_is(wanted, _find(client, reference)) for reference in references):
                return None
    return _imagetools_create(wanted, references)


def _find(client: RegistryClient, reference: Reference) -> RegistryImage | None:
    try:
        return read_image(client, reference)
    except (NotFoundError, NotAnImageError):
        return None


def _is(wanted: Wanted, there: RegistryImage | None) -> bool:
    digests = {str(one["digest"]) for image in wanted.images for one in image.descriptors}
    if there is None or there.descriptor_digests != digests or len(there.images) != len(wanted.images):
        return False
    return len(wanted.images) == 1 or wanted.annotations.items() <= there.annotations.items()


def _verified(client: RegistryClient, wanted: Wanted, reference: Reference, state: State, tell: Tell) -> Published:
    there = settled(lambda: read_image(client, reference))
    declared = sorted(image.platform for image in wanted.images)
    found = sorted(image.platform for image in there.images)
    if found != declared:
        raise EdgebakeError(
            f"{reference} has not the declared platforms",
            reason=f"it has {', '.join(found) or 'none'}; declared are {', '.join(declared)}",
            hints=("something else pushes this tag: edgebake never writes it in part",),
        )
    if not _is(wanted, there):  # whole, and of another publish that came after this one
        tell(f"note: {reference}: another publish has replaced it meanwhile")
    tell(f"{state:<9} {reference}@{there.digest}")
    platforms = {image.platform: image.digest for image in there.images}
    return Published(wanted.owner, str(reference), there.digest, platforms, state)


@dataclass(frozen=True)
class _Read:
    """A part as it is in the registry, and the annotations of the index that it came in."""

    image: PlatformImage
    annotations: Mapping[str, str]


def index_name(index: Index) -> str:
    """Return what an index over several targets is called in messages."""
    return f"{index.image} (index {index.tag})"


def _imagetools_create(wanted: Wanted, references: Iterable[Reference]) -> None:
    """Have Buildx write an index of exactly these descriptors under the tags."""
    # One image is copied as it is; Buildx would wrap it into an index.
    options = ["--prefer-index=false"] if len(wanted.images) == 1 else []
    options += [word for reference in references for word in ("--tag", str(reference))]
    for key, value in sorted(wanted.annotations.items()):
        options += ["--annotation", f"index:{key}={value}"]
    descriptors = [_descriptor(one) for image in _ordered(wanted.images) for one in image.descriptors]
    command = ["docker", "buildx", "imagetools", "create", "--progress=plain", *options, *descriptors]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        raise EdgebakeError("there is no docker command: Buildx merges the images") from None
    except subprocess.TimeoutExpired:
        raise EdgebakeError(f"{wanted.owner}: merging took more than {TIMEOUT} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        reason = (said or ["no reason"])[-1].removeprefix("ERROR: ")
        raise EdgebakeError(f"{wanted.owner} could not be merged", reason=reason)


def _ordered(images: Iterable[PlatformImage]) -> list[PlatformImage]:
    return sorted(images, key=lambda image: image.platform)


def _descriptor(descriptor: Mapping[str, object]) -> str:
    return json.dumps(descriptor, sort_keys=True)
