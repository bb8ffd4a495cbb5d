"""What an image was built for: from its labels, else from the target that its tag ends in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.model.labels import LABEL_PREFIX
from edgebake.model.target import GLIBC, Target

_VERSION = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True)
class Built:
    """What an image was built for. `source` says how that is known; empty if it is not.

    `require`: the image's NVIDIA_REQUIRE_CUDA, which NVIDIA's container toolkit checks before a container starts.
    """

    source: str = ""
    platforms: tuple[str, ...] = ()
    target: str | None = None
    os: str | None = None
    python: str | None = None
    cuda: str | None = None
    cuda_flavour: str | None = None
    l4t: str | None = None
    sm: tuple[str, ...] = ()
    host_libraries: bool = False
    require: str = ""

    @property
    def glibc(self) -> str | None:
        """The C library's version, if the operating system is one that edgebake knows."""
        return GLIBC.get(self.os or "")


def for_target(target: Target, source: str = "target") -> Built:
    """Return what an image for a target is built for."""
    return Built(
        source,
        target.platforms,
        target.name,
        target.os,
        target.python,
        target.cuda,
        target.cuda_flavour,
        target.l4t,
        target.sm,
        target.host_libraries,
    )


def from_config(
    labels: Mapping[str, str],
    environment: Iterable[str],
    platforms: tuple[str, ...],
    tag: str,
    targets: Mapping[str, Target],
) -> Built:
    """Return what an image was built for.

    A label that has no sense counts as missing. `environment` has NAME=VALUE, `targets` are the known ones by name.
    """
    found = _labelled(labels, targets) or from_tag(tag, targets)
    require = next((one.partition("=")[2] for one in environment if one.startswith("NVIDIA_REQUIRE_CUDA=")), "")
    return replace(found, platforms=platforms, require=require)


def from_tag(tag: str, targets: Mapping[str, Target]) -> Built:
    """Return what a tag's ending says; of several endings that it has, the longest."""
    ending = [one for one in targets.values() if tag == one.tag_suffix or tag.endswith(f"-{one.tag_suffix}")]
    if not ending:
        return Built()
    target = max(ending, key=lambda one: len(one.tag_suffix))
    return for_target(target, f"the tag's ending {target.tag_suffix}")


def _labelled(labels: Mapping[str, str], targets: Mapping[str, Target]) -> Built | None:
    own = {
        name.removeprefix(LABEL_PREFIX): value for name, value in labels.items() if name.startswith(LABEL_PREFIX)
    }
    if "target" not in own:
        return None
    if "os" not in own:  # made before there were labels for the facts: the target's name was one
        target = targets.get(own["target"])
        return for_target(target, "the label dev.edgebake.target") if target else None
    return Built(
        "labels",
        (),
        own["target"],
        own["os"],
        _version(own.get("python")),
        _version(own.get("cuda")),
        own.get("cuda-flavour"),
        _version(own.get("l4t")),
        tuple(one for one in own.get("sm", "").split(",") if one),
        own.get("host-libraries") == "true",
    )


def _version(text: str | None) -> str | None:
    return text if text and _VERSION.fullmatch(text) else None
