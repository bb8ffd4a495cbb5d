"""What the registry has, against what the project declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.image_stage import image_labels
from edgebake.model.labels import FINGERPRINT_LABEL, fingerprint_label
from edgebake.model.output.publishing import Difference, DifferenceKind, VerifiedReference
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings
from edgebake.plan.target_plan import TargetPlan
from edgebake.publishing.merge import declared_tags
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError
from edgebake.registry.images import PlatformImage, RegistryImage, labels_of, read_image
from edgebake.registry.reference import Reference, parse_reference, parse_repository
from edgebake.registry.tags import platform_problems
from edgebake.state.digest_files import Part, Shard

_PREDICATE = "in-toto.io/predicate-type"
_PROVENANCE = "https://slsa.dev/provenance/"
_Found = tuple[DifferenceKind, str]


@dataclass(frozen=True)
class Declared:
    """A reference, and what is to be there: for each platform the bake target whose image it is."""

    owner: str
    reference: Reference
    parts: Mapping[str, TargetPlan]


# ── what is declared


def declared(plan: Plan, settings: Settings) -> list[Declared]:
    """Return all tags of a plan's images, and those over several targets that are all selected."""
    sets = declared_tags(plan, settings)
    return [Declared(one.owner, one.repository.tagged(tag), one.parts) for one in sets for tag in one.tags]


def declared_as(everything: Sequence[Declared], text: str) -> list[Declared]:
    """Return what a reference that somebody names can be: a declared tag, or any image of its repository.

    Raises:
        EdgebakeError: nothing of the project goes to that repository.
    """
    reference = parse_reference(text)
    same = [one for one in everything if one.reference == reference]
    candidates = same or [one for one in everything if one.reference.repository == reference.repository]
    if not candidates:
        known = {str(one.reference) for one in everything}
        hints = (*did_you_mean(text, known, kind="reference"), "name the registry, if it is another: --registry")
        raise EdgebakeError(f"the project declares nothing in {reference.repository}", hints=hints)
    return [replace(one, reference=reference) for one in candidates]


# ── what is there


@dataclass
class Verifier:
    """Compares references with what is declared."""

    plan: Plan  # what is declared
    client: RegistryClient  # asks the registry
    shards: Iterable[Shard] = ()  # digest files whose digests are to be there, too

    def __post_init__(self) -> None:
        self._parts = {(part.bake_target, part.platform): part for shard in self.shards for part in shard.parts}

    def tags(self, everything: Sequence[Declared]) -> list[VerifiedReference]:
        """Return what declared tags are; those of one owner must name one digest.

        Raises:
            RegistryError: the registry refuses, or cannot be reached.
        """
        found = self.client.each(self.one, everything)
        first = {one.owner: one for one in reversed(found) if one.digest}
        return [_compared(one, first.get(one.owner, one)) for one in found]

    def best(self, candidates: Sequence[Declared]) -> VerifiedReference:
        """Return what a reference is, by the candidate that it is most like."""
        return min(self.client.each(self.one, candidates), key=lambda one: len(one.differences))

    def one(self, wanted: Declared) -> VerifiedReference:
        """Return what one reference is."""
        digest, platforms = None, dict[str, str]()
        try:
            image = read_image(self.client, wanted.reference)
        except (NotFoundError, NotAnImageError) as error:
            text = "it is not in the registry" if isinstance(error, NotFoundError) else str(error)
            differences = [Difference(kind="missing", platform=None, text=text)]
        else:
            digest, platforms = image.digest, {one.platform: one.digest for one in image.images}
            differences = list(self._differences(wanted, image))
        owner, reference = wanted.owner, str(wanted.reference)
        return VerifiedReference(
            owner=owner, reference=reference, digest=digest, platforms=platforms, differences=differences
        )

    def _differences(self, wanted: Declared, image: RegistryImage) -> Iterator[Difference]:
        present = [one.platform for one in image.images]
        problems = platform_problems(wanted.parts, present)
        for platform in dict.fromkeys([*wanted.parts, *present]):
            found: Iterable[_Found] = [("platforms", problems[platform])] if platform in problems else ()
            found = found or self._of_platform(wanted.parts[platform], image, image.by_platform[platform])
            yield from (Difference(kind=kind, platform=platform, text=text) for kind, text in found)

    def _of_platform(self, target: TargetPlan, whole: RegistryImage, image: PlatformImage) -> Iterator[_Found]:
        try:
            labels = labels_of(self.client, whole.reference.repository, image)
        except NotFoundError:
            yield "content", f"the index names {image.digest}, which is gone"
            return
        yield from self._labels(target, labels, image.platform)
        declares = self.plan.compilation.workspace.project.provenance != "off"
        if declares and not self._has_provenance(whole, image):
            yield "attestations", "the project declares provenance, and the image has none"
        part = self._parts.get((target.bake_target.name, image.platform))
        if part is not None and image.digest not in self._digests(part):
            yield "digest", f"it is {image.digest}, and {part.digest} was recorded"

    def _labels(self, target: TargetPlan, labels: Mapping[str, str], platform: str) -> Iterator[_Found]:
        built, now = labels.get(fingerprint_label(platform)), f"sha256:{dict(target.fingerprints)[platform]}"
        if built != now:
            before = _short(built) if built else "something unknown"
            yield "fingerprint", f"built from {before}, declared is {_short(now)}"
        for key, value in image_labels(self.plan.compilation.plan_of(target.bake_target)).items():
            if labels.get(key) != value and not key.startswith(FINGERPRINT_LABEL):
                yield "labels", f"{key} is {labels.get(key)!r}, declared is {value!r}"

    def _has_provenance(self, whole: RegistryImage, image: PlatformImage) -> bool:
        for descriptor in image.attestations:
            found = self.client.find_manifest(whole.reference.repository.by_digest(str(descriptor["digest"])))
            layers = found.data.get("layers", ()) if found else ()
            if any(_PROVENANCE in (layer.get("annotations") or {}).get(_PREDICATE, "") for layer in layers):
                return True
        return False

    def _digests(self, part: Part) -> set[str]:
        """Return what a recorded digest stands for on its platform: itself, or what its index names."""
        try:
            whole = read_image(self.client, parse_repository(part.repository).by_digest(part.digest))
        except NotFoundError:
            return set()
        return {one.digest for one in whole.images if one.platform == part.platform}


def _short(digest: str) -> str:
    return f"{digest[:19]}…"


def _compared(one: VerifiedReference, first: VerifiedReference) -> VerifiedReference:
    """Return a reference, with the difference if it names another digest than the first one of its owner."""
    if not one.digest or one.digest == first.digest:
        return one
    text = f"it names another digest than {first.reference}"
    difference = Difference(kind="digest", platform=None, text=text)
    return one.model_copy(update={"differences": [*one.differences, difference]})
