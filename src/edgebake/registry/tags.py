"""Tags as they are to be: written whole by Buildx, or not at all, and looked at afterwards."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgebake.errors import EdgebakeError
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import index_annotations
from edgebake.model.output.publishing import PublishedTag, TagState
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError
from edgebake.registry.images import PlatformImage, RegistryImage, read_image
from edgebake.registry.reference import Reference, Repository, parse_repository
from edgebake.system.docker import docker

TIMEOUT = 600  # seconds; a merge copies nothing within one repository

_PAUSES = (0.2, 0.6, 2.0)  # seconds between tries
T = TypeVar("T")
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


def write_tags(client: RegistryClient, wanted: Wanted, tell: Tell) -> list[PublishedTag]:
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
) -> list[PublishedTag]:
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


def _verified(
    client: RegistryClient, wanted: Wanted, reference: Reference, state: TagState, tell: Tell
) -> PublishedTag:
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
    return PublishedTag(
        owner=wanted.owner, reference=str(reference), digest=there.digest, platforms=platforms, state=state
    )


def _imagetools_create(wanted: Wanted, references: Iterable[Reference]) -> None:
    """Have Buildx write an index of exactly these descriptors under the tags."""
    # One image is copied as it is; Buildx would wrap it into an index.
    options = ["--prefer-index=false"] if len(wanted.images) == 1 else []
    options += [word for reference in references for word in ("--tag", str(reference))]
    for key, value in sorted(wanted.annotations.items()):
        options += ["--annotation", f"index:{key}={value}"]
    descriptors = [_descriptor(one) for image in _ordered(wanted.images) for one in image.descriptors]
    words = ("buildx", "imagetools", "create", "--progress=plain", *options, *descriptors)
    done = docker(*words, timeout=TIMEOUT, needs_engine=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        reason = (said or ["no reason"])[-1].removeprefix("ERROR: ")
        raise EdgebakeError(f"{wanted.owner} could not be merged", reason=reason)


def _ordered(images: Iterable[PlatformImage]) -> list[PlatformImage]:
    return sorted(images, key=lambda image: image.platform)


def _descriptor(descriptor: Mapping[str, object]) -> str:
    return json.dumps(descriptor, sort_keys=True)
