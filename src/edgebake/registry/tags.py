"""Tags: Buildx writes one whole or not at all, and it is checked afterwards."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.model.output.publishing import PublishedTag, TagState
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError
from edgebake.registry.images import PlatformImage, RegistryImage, read_image
from edgebake.registry.reference import Reference, Repository
from edgebake.system.docker import docker, last_line

TIMEOUT = 600  # seconds; a merge copies nothing within one repository

_PAUSES = (0.2, 0.6, 2.0)  # seconds between attempts
T = TypeVar("T")
Report = Callable[[str], None]


@dataclass(frozen=True)
class TagSet:
    """Tags of one repository, and the images and annotations that all of them name.

    `owner` is a bake target, or the image of an index over several. `annotations` are written only to an index.
    """

    owner: str
    repository: Repository
    tags: tuple[str, ...]
    images: tuple[PlatformImage, ...]
    annotations: Mapping[str, str]


# ── when a tag is complete


def platform_problems(declared: Iterable[str], present: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with a tag's platforms: by platform; empty if each declared one is there once, alone.

    Args:
        declared: the platforms that the tag is to have.
        present: those of the images that it names; a platform is listed as often as the index has it.
    """
    declared = set(declared)
    problems = {}
    for platform in sorted({*declared, *present}):
        count = present.count(platform)
        if count == 0:
            problems[platform] = "it is declared and missing"
        elif platform not in declared:
            problems[platform] = "it is present and not declared"
        elif count > 1:
            problems[platform] = f"it is present {count} times"
    return problems


def check_platforms(image: RegistryImage, declared: Iterable[str]) -> None:
    """Check that a tag has each declared platform once, and no other.

    Raises:
        EdgebakeError: it does not; the reason lists both.
    """
    declared, present = sorted(declared), sorted(one.platform for one in image.images)
    if platform_problems(declared, present):
        raise EdgebakeError(
            f"{image.reference} does not have the declared platforms",
            reason=f"it has {', '.join(present) or 'none'}; declared are {', '.join(declared)}",
            hints=("another job may have pushed this tag: run the command again",),
        )


def names_exactly(image: RegistryImage | None, wanted: TagSet) -> bool:
    """Tell whether what is under a tag is what it is to be: the same images and attestations, and the annotations.

    Args:
        image: what the registry has under the tag; None if there is no such tag.
        wanted: what it is to be.
    """
    if image is None or len(image.images) != len(wanted.images):
        return False

    def digests(images: Iterable[PlatformImage]) -> set[str]:
        return {str(descriptor["digest"]) for one in images for descriptor in one.descriptors}

    if digests(image.images) != digests(wanted.images):
        return False
    return len(wanted.images) == 1 or wanted.annotations.items() <= image.annotations.items()


# ── writing


def write_tags(client: RegistryClient, wanted: TagSet, report: Report = lambda line: None) -> list[PublishedTag]:
    """Write the tags that do not name these images yet, and check all of them.

    Args:
        client: asks the registry.
        wanted: the tags.
        report: called with a line for each tag.

    Raises:
        EdgebakeError: Buildx cannot merge the images, or a tag is not complete afterwards.
    """
    references = [wanted.repository.tagged(tag) for tag in wanted.tags]
    stale = [reference for reference in references if not names_exactly(_find(client, reference), wanted)]
    if stale:
        _merge(client, wanted, stale)
    return [_checked(client, wanted, one, "published" if one in stale else "same", report) for one in references]


def settled(read: Callable[[], T]) -> T:
    """Return what `read` returns; what was not found is looked for again, as another job may be writing it.

    Raises:
        RegistryError: it is not there, or the registry does not show it.
    """
    for pause in _PAUSES:
        try:
            return read()
        except NotFoundError:
            time.sleep(pause)
    return read()


def _merge(client: RegistryClient, wanted: TagSet, references: Sequence[Reference]) -> None:
    """Write the tags, in several attempts: distribution 2 refuses what others write at the same moment."""
    for pause in _PAUSES:
        try:
            return _imagetools_create(wanted, references)
        except EdgebakeError as error:
            if re.search(r"denied|unauthorized|forbidden|docker not found", str(error), re.IGNORECASE):
                raise
            time.sleep(pause * random.uniform(0.5, 1.5))
            if all(names_exactly(_find(client, reference), wanted) for reference in references):
                return None
    return _imagetools_create(wanted, references)


def _find(client: RegistryClient, reference: Reference) -> RegistryImage | None:
    try:
        return read_image(client, reference)
    except (NotFoundError, NotAnImageError):
        return None


def _checked(
    client: RegistryClient, wanted: TagSet, reference: Reference, state: TagState, report: Report
) -> PublishedTag:
    image = settled(lambda: read_image(client, reference))
    check_platforms(image, [one.platform for one in wanted.images])
    if not names_exactly(image, wanted):  # complete, and of another publish that came after this one
        report(f"note: {reference}: another publish has replaced it meanwhile")
    report(f"{state:<9} {reference}@{image.digest}")
    owner, tag, platforms = wanted.owner, str(reference), {one.platform: one.digest for one in image.images}
    return PublishedTag(owner=owner, reference=tag, digest=image.digest, platforms=platforms, state=state)


def _imagetools_create(wanted: TagSet, references: Iterable[Reference]) -> None:
    """Have Buildx write an index of exactly these descriptors under the tags."""
    # One image is copied as it is; Buildx would wrap it into an index.
    options = ["--prefer-index=false"] if len(wanted.images) == 1 else []
    options += [word for reference in references for word in ("--tag", str(reference))]
    for key, value in sorted(wanted.annotations.items()):
        options += ["--annotation", f"index:{key}={value}"]
    images = sorted(wanted.images, key=lambda image: image.platform)
    descriptors = [json.dumps(one, sort_keys=True) for image in images for one in image.descriptors]
    words = ("buildx", "imagetools", "create", "--progress=plain", *options, *descriptors)
    done = docker(*words, timeout=TIMEOUT, needs_engine=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = last_line("\n".join(errors) or done.stderr)
        raise EdgebakeError(f"{wanted.owner} could not be merged", reason=reason)
