"""Whether an image runs on a machine: rules, each with its source. What is not known never counts as a fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Literal

from packaging.version import InvalidVersion, Version

from edgebake.dataclasses import dataclass
from edgebake.host.built import Built
from edgebake.host.machine import Machine
from edgebake.host.tables import MINOR_COMPATIBLE_FROM

Grade = Literal["exact", "compatible", "minor", "forward", "unproven"]
GRADES: tuple[Grade, ...] = ("exact", "compatible", "minor", "forward", "unproven")
"""How near an image is to a machine, the nearest first. `unproven`: sources disagree whether it runs."""

_GUIDE = "https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#binary-compatibility"
_MINOR = "https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"
_FORWARD = "https://docs.nvidia.com/deploy/cuda-compatibility/forward-compatibility.html"
_WHY = "https://docs.nvidia.com/deploy/cuda-compatibility/why-cuda-compatibility.html"
_UPGRADE = "https://docs.nvidia.com/cuda/cuda-for-tegra-appnote/index.html#use-the-right-upgrade-package"
_THOR = (
    "https://developer.nvidia.com/blog/"
    "whats-new-in-cuda-toolkit-13-0-for-jetson-thor-unified-arm-ecosystem-and-more"
)
_L4T = "https://github.com/dusty-nv/jetson-containers/blob/dd206bf/jetson_containers/l4t_version.py"
_L4T_36 = "https://github.com/dusty-nv/jetson-containers/issues/725"
"""PyTorch of an image for 36.2 has the GPU of a board with 36.4. Against it: the page of `_L4T`, and
https://github.com/dusty-nv/jetson-inference/issues/1909 (TensorRT)."""
_REQUIRE = "https://github.com/NVIDIA/nvidia-container-toolkit/tree/main/internal/requirements"
_MOUNTS = "https://github.com/dusty-nv/jetson-containers/issues/258"
_GLIBC = "https://github.com/dusty-nv/jetson-containers/issues/699"  # the board's libraries need its Ubuntu's
_OCI = "https://github.com/opencontainers/image-spec/blob/main/image-index.md"

_DATA_CENTRE = ("tesla", "nvidia")
"""Brands of data centre GPUs, on which forward compatibility works."""
_OPERATORS = {">=": ge, "<=": le, "!=": ne, "=": eq, "<": lt, ">": gt}
_PART = re.compile(r"(cuda|driver|arch|brand)(>=|<=|!=|=|<|>)(.+)")


@dataclass(frozen=True)
class Reason:
    """The result of a rule. `grade`: how near the image is to the machine, if the rule decides that."""

    rule: str
    ok: bool
    text: str
    source: str = ""
    grade: Grade | None = None


@dataclass(frozen=True)
class Verdict:
    """The results of the rules for an image on a machine. A rule that does not apply has none."""

    reasons: tuple[Reason, ...]
    uses_gpu: bool

    @property
    def fits(self) -> bool:
        return all(reason.ok for reason in self.reasons)

    @property
    def refusal(self) -> str:
        """The first reason against it; empty if it fits."""
        return next((reason.text for reason in self.reasons if not reason.ok), "")

    @property
    def grade(self) -> Grade:
        """The worst grade of all rules."""
        return max((r.grade for r in self.reasons if r.grade), key=GRADES.index, default="exact")


def judge(built: Built, machine: Machine) -> Verdict:
    """Return the results of the rules for an image on a machine."""
    reasons = [_architecture(built, machine)]
    if not built.source:
        reasons.insert(0, Reason("known", False, "neither its labels nor its tag say what it was built for"))
    if built.cuda:
        rules = _RULES if _has_gpu(machine) else (_gpu,)
        reasons += [reason for rule in rules for reason in [rule(built, machine)] if reason]
    return Verdict(tuple(reasons), uses_gpu=bool(built.cuda))


# ── any image


def _architecture(built: Built, machine: Machine) -> Reason:
    if machine.platform is None:
        return Reason("architecture", False, "the machine's architecture is not known")
    if machine.platform in built.platforms:
        return Reason("architecture", True, f"it is for {machine.platform}", _OCI)
    there = ", ".join(built.platforms) or "no platform that is known"
    return Reason("architecture", False, f"it is for {there}, and the machine is {machine.platform}", _OCI)


# ── images with CUDA


def _has_gpu(machine: Machine) -> bool:
    return bool(machine.gpus) and machine.cuda is not None


def _gpu(built: Built, machine: Machine) -> Reason:
    lack = "the GPU has no NVIDIA driver that is known" if machine.gpus else "no NVIDIA GPU was found"
    return Reason("gpu", False, f"it is for CUDA {built.cuda}, and {lack}", _WHY)


def _flavour(built: Built, machine: Machine) -> Reason:
    """SBSA and Tegra have CUDA binaries of their own before CUDA 13."""
    host = machine.cuda_flavour.value if machine.cuda_flavour else None
    if host is None:
        return Reason("flavour", False, "which CUDA binaries run on the machine is not known", _THOR)
    if built.cuda_flavour == host:
        return Reason("flavour", True, f"its CUDA binaries are for {host}, as the machine's driver", _THOR)
    kind = built.cuda_flavour or "a flavour that is not known"
    text = f"its CUDA binaries are for {kind}, and the machine's driver is for {host}"
    return Reason("flavour", False, text, _THOR)


def _sm(built: Built, machine: Machine) -> Reason:
    """GPU code runs on its own architecture, and but for Tegra on later ones of the same major version."""
    if not machine.sms or any(gpu.sm is None for gpu in machine.gpus):
        return Reason("sm", False, "the GPU's architecture is not known", _GUIDE)
    missing = [sm for sm in machine.sms if not _code_for(sm, built.sm, tegra=machine.is_jetson)]
    listed = ", ".join(built.sm) or "none that is known"
    if missing:
        return Reason("sm", False, f"it has GPU code for sm {listed}, and the GPU is sm {missing[0]}", _GUIDE)
    exact = set(machine.sms) <= set(built.sm)
    text = f"it has GPU code for sm {', '.join(machine.sms)}" if exact else f"code for sm {listed} runs on the GPU"
    return Reason("sm", True, text, _GUIDE, "exact" if exact else "compatible")


def _code_for(sm: str, listed: tuple[str, ...], *, tegra: bool) -> bool:
    if sm in listed:
        return True
    # 90a and its like are for one architecture alone.
    earlier = [one for one in listed if one.isdigit() and one[:-1] == sm[:-1] and int(one) < int(sm)]
    return bool(earlier) and not tegra


def _l4t(built: Built, machine: Machine) -> Reason | None:
    """The board's libraries are mounted into the container, so that L4T and image have to be of one age."""
    if built.l4t is None:
        return None
    if machine.l4t is None:
        return Reason("l4t", False, f"it is for a Jetson with L4T {built.l4t}, and the machine has none", _L4T)
    image, host = Version(built.l4t), Version(machine.l4t.value)
    if image == host:
        return Reason("l4t", True, f"it is for L4T {built.l4t}, which the board has", _L4T, "exact")
    if _l4t_runs(image, host):
        return Reason("l4t", True, f"L4T {machine.l4t.value} runs images for {built.l4t}", _L4T, "compatible")
    text = f"it is for L4T {built.l4t}, and the board has {machine.l4t.value}"
    if image.major == host.major == 36 and image < host:  # from 36.4 on with another CUDA and TensorRT
        return Reason("l4t", True, f"{text}: PyTorch ran so, TensorRT may not", _L4T_36, "unproven")
    return Reason("l4t", False, text, _L4T)


def _l4t_runs(image: Version, host: Version) -> bool:
    if image.major >= 38:  # the driver rule decides, as on servers
        return host.major >= 38
    if image.major != host.major:
        return False
    if image.major == 36:
        return (image.minor >= 4) == (host.minor >= 4)
    if image.major == 32:
        return min(image, host) >= Version("32.7")
    return True


def _driver(built: Built, machine: Machine) -> Reason:
    """The driver decides which CUDA runs."""
    assert machine.cuda is not None
    assert built.cuda is not None
    image, host = Version(built.cuda), Version(machine.cuda.value)
    wanted, known = f"CUDA {built.cuda}", f"the driver knows CUDA {machine.cuda.value}"
    if image.release[:2] == host.release[:2]:
        return Reason("driver", True, f"{known}, as the image", _WHY, "exact")
    if image <= host:
        text = f"{known}, and it is for {wanted}: drivers run what is older"
        return Reason("driver", True, text, _WHY, "compatible")
    if machine.is_jetson:
        text = f"it is for {wanted}, and {known}: on a Jetson a newer CUDA needs NVIDIA's upgrade package"
        return Reason("driver", False, text, _UPGRADE)
    if image.major != host.major:
        return _forward(built, machine, f"it is for {wanted}, and {known}")
    since = MINOR_COMPATIBLE_FROM.get(image.major)
    if machine.driver and since and Version(machine.driver.value) >= Version(since):
        text = f"it is for {wanted}, and {known}: but for newer features, drivers from {since} on run it"
        return Reason("driver", True, text, _MINOR, "minor")
    driver = f"driver {machine.driver.value}" if machine.driver else "a driver that is not known"
    needed = f"CUDA {image.major} needs driver {since or 'unknown'}"
    text = f"it is for {wanted}, and {known}: {needed}, here is {driver}"
    return Reason("driver", False, text, _MINOR)


def _forward(built: Built, machine: Machine, text: str) -> Reason:
    """A CUDA of a newer major version needs the forward compatibility libraries, and a data centre GPU.

    Images with NVIDIA_REQUIRE_CUDA come from NVIDIA's, which have the libraries.
    """
    centre = all(gpu.brand in _DATA_CENTRE for gpu in machine.gpus)
    allowed = [one for one in alternatives_that_hold(built.require, _properties(machine)) if "brand=" in one]
    if centre and allowed:
        text = f"{text}: its compatibility libraries run on this driver"
        return Reason("driver", True, text, _FORWARD, "forward")
    return Reason("driver", False, f"{text}: a newer major version does not run", _FORWARD)


def _require(built: Built, machine: Machine) -> Reason | None:
    """NVIDIA's container toolkit does not start a container whose NVIDIA_REQUIRE_CUDA does not hold."""
    if not built.require or machine.is_jetson:
        return None
    if alternatives_that_hold(built.require, _properties(machine)):
        return Reason("require", True, "its NVIDIA_REQUIRE_CUDA holds", _REQUIRE)
    first = built.require.split()[0]
    return Reason("require", False, f"its NVIDIA_REQUIRE_CUDA ({first} …) does not hold on this driver", _REQUIRE)


def _properties(machine: Machine) -> dict[str, str]:
    found = {"cuda": machine.cuda, "driver": machine.driver}
    properties = {name: fact.value for name, fact in found.items() if fact}
    brands = {gpu.brand for gpu in machine.gpus}
    if len(brands) == 1 and None not in brands:
        properties["brand"] = str(brands.pop())
    if machine.sms:
        lowest = min(machine.sms, key=lambda sm: int(sm.rstrip("af")))
        properties["arch"] = f"{lowest[:-1]}.{lowest[-1]}"
    return properties


def alternatives_that_hold(require: str, properties: Mapping[str, str]) -> list[str]:
    """Return the alternatives of an NVIDIA_REQUIRE_CUDA that hold: what an image asks of driver and GPU.

    Words apart by blanks are alternatives; the parts of a word, apart by commas, must all hold.
    `properties` are `cuda`, `driver`, `arch` (8.6) and `brand`, as far as they are known.
    """
    return [word for word in require.split() if all(_holds(part, properties) for part in word.split(","))]


def _holds(part: str, properties: Mapping[str, str]) -> bool:
    match = _PART.fullmatch(part)
    found = properties.get(match[1]) if match else None
    if match is None or found is None:
        return False
    name, operator, wanted = match.groups()
    if name == "brand":
        return (found == wanted) is (operator == "=")
    try:
        return bool(_OPERATORS[operator](Version(found), Version(wanted)))
    except InvalidVersion:
        return False


def _host_libraries(built: Built, machine: Machine) -> Reason | None:
    """Images for JetPack 4 have no CUDA of their own: the board's is mounted, with TensorRT for its Python."""
    if not built.host_libraries:
        return None
    lists = [path for path in machine.runtime.host_files if path.endswith("/cuda.csv")]
    if machine.toolkit is None or not lists:
        text = "it mounts the board's CUDA, and the board has none installed"
        return Reason("host libraries", False, text, _MOUNTS)
    if Version(machine.toolkit.value).release[:2] != Version(built.cuda or "0").release[:2]:
        text = f"it mounts the board's CUDA, which is {machine.toolkit.value} and not {built.cuda}"
        return Reason("host libraries", False, text, _MOUNTS)
    if built.python and machine.python and built.python != machine.python.value:
        text = f"it mounts the board's TensorRT, which is for Python {machine.python.value} and not {built.python}"
        return Reason("host libraries", False, text, _MOUNTS)
    return Reason("host libraries", True, f"it mounts the board's CUDA {machine.toolkit.value}", _MOUNTS)


def _glibc(built: Built, machine: Machine) -> Reason | None:
    """A Jetson's own libraries are mounted into containers, and need a C library that is not older than theirs."""
    if not machine.is_jetson:
        return None
    if machine.glibc is None or built.glibc is None:
        return Reason("glibc", False, "the C library of the image or of the board is not known", _GLIBC)
    text = f"glibc {built.glibc} of {built.os}, and the board's mounted libraries are for {machine.glibc.value}"
    return Reason("glibc", Version(built.glibc) >= Version(machine.glibc.value), f"it has {text}", _GLIBC)


_RULES = (_flavour, _l4t, _driver, _require, _sm, _host_libraries, _glibc)


def rank(verdict: Verdict, built: Built, machine: Machine, *, local: bool) -> tuple[int, ...]:
    """Return how good a fit is, the greater the better: GPU, then here before elsewhere, then nearness.

    An image that does not use the GPU of a machine is what is left if no other fits, wherever it is; one that is
    not proven to run comes last of all.
    """
    cuda, l4t = ((*Version(text or "0").release, 0, 0)[:3] for text in (built.cuda, built.l4t))
    return (
        int(verdict.grade != "unproven"),
        int(verdict.uses_gpu or not _has_gpu(machine)),
        int(local),
        -GRADES.index(verdict.grade),
        *cuda,
        *l4t,
    )
