"""What a machine is, from its files; of the running one, also from NVML and nvidia-smi."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.files import Files
from edgebake.host.gpu import Seen, by_files, by_nvidia_smi, by_pci, by_soc, merged
from edgebake.host.machine import ContainerRuntime, Fact, Flavour, Kind, Machine
from edgebake.host.tables import CHIPS, JETPACK, SBSA_FROM_L4T, cuda_of_driver, cuda_of_l4t

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Architectures as uname and `docker info` have them, and as OCI has them."""
_ELF_MACHINES = {0x3E: "amd64", 0xB7: "arm64"}  # e_machine: elf(5)
_TREE = "/proc/device-tree"
_RELEASE = "/etc/nv_tegra_release"
_DPKG = "/var/lib/dpkg/status"
_DAEMON = "/etc/docker/daemon.json"
_HOST_FILES = "/etc/nvidia-container-runtime/host-files-for-container.d"


def detect(files: Files) -> Machine:
    """Return what is known of a machine; if it is the running one, also from its libraries and programs."""
    compatible = (files.text(f"{_TREE}/compatible") or "").replace("\0", " ")  # zeros part the property's strings
    soc = _soc(files, compatible)
    l4t = _l4t(files)
    seen = _seen(files, soc.value if soc else None)
    architecture = _architecture(files)
    kind = _kind(architecture, l4t or soc)  # as NVIDIA's container toolkit decides (go-nvlib, HasTegraFiles)
    driver_file = "/proc/driver/nvidia/version"
    driver = Fact(seen.driver, driver_file if files.exists(driver_file) else "NVML") if seen.driver else None
    return Machine(
        architecture=architecture,
        kind=kind,
        model=_model(files),
        parts=tuple(dict.fromkeys(re.findall(r"p\d{4}-\d{4}", compatible))),
        soc=soc,
        l4t=l4t,
        jetpack=_jetpack(files, l4t),
        os=_os(files),
        glibc=_glibc(files),
        python=_python(files),
        memory=_memory(files),
        driver=driver,
        cuda=_driver_cuda(seen, l4t, driver),
        toolkit=_toolkit(files),
        cuda_flavour=_flavour(kind, l4t, seen),
        gpus=seen.gpus,
        runtime=_container_runtime(files),
        notes=(seen.note,) if seen.note else (),
    )


def machine_of(root: Path | None) -> Machine:
    """Return a machine: this one, or with `root` the one whose files lie there.

    Raises:
        EdgebakeError: there is no such folder.
    """
    if root is not None and not root.is_dir():
        hint = "--root is the root folder of another machine: a mounted card, or copied files"
        raise EdgebakeError(f"folder {str(root)!r} not found", hints=(hint,))
    return detect(Files(root.resolve()) if root else Files())


# ── the machine


def _soc(files: Files, compatible: str) -> Fact[str] | None:
    found = re.findall(r"nvidia,(tegra\d{3})\b", compatible)
    if found:
        return Fact(found[-1], f"{_TREE}/compatible")
    family = (files.text("/sys/devices/soc0/family") or "").lower()
    number = files.text("/sys/devices/soc0/soc_id") or ""
    if family.startswith("tegra"):
        return Fact(CHIPS.get(number, "tegra"), "/sys/devices/soc0")
    return None


def _kind(architecture: Fact[str] | None, tegra: Fact[str] | None) -> Fact[Kind] | None:
    if tegra:
        return Fact("jetson", tegra.source)
    if architecture is None:
        return None
    return Fact("pc" if architecture.value == "amd64" else "sbsa", architecture.source)


def _architecture(files: Files) -> Fact[str] | None:
    if files.running:
        found = MACHINES.get(platform.machine())
        return Fact(found, "uname") if found else None
    for path in ("/bin/sh", "/usr/bin/dash", "/bin/busybox", "/usr/lib/ld-linux-aarch64.so.1", "/bin/ls"):
        found = _elf_machine(files, path)
        if found:
            return Fact(found, path)
    for entry in files.paragraphs(_DPKG, having="Package: dpkg\n"):
        if entry.get("Architecture") in _ELF_MACHINES.values():
            return Fact(entry["Architecture"], _DPKG)
    return None


def _elf_machine(files: Files, path: str) -> str | None:
    place = files.place(path)
    try:
        if place is None or not place.is_file():
            return None
        with place.open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    return _ELF_MACHINES.get(int.from_bytes(head[18:20], "little"))


def _model(files: Files) -> Fact[str] | None:
    for path in (f"{_TREE}/model", "/sys/firmware/devicetree/base/model"):
        text = files.text(path)
        if text:
            return Fact(text, path)
    vendor, name = (files.text(f"/sys/class/dmi/id/{key}") for key in ("sys_vendor", "product_name"))
    if not name:
        return None
    text = name if not vendor or name.lower().startswith(vendor.lower()) else f"{vendor} {name}"
    return Fact(text.replace("_", " "), "/sys/class/dmi/id/product_name")


def _memory(files: Files) -> Fact[int] | None:
    match = re.search(r"^MemTotal:\s*(\d+) kB", files.text("/proc/meminfo") or "", re.MULTILINE)
    return Fact(int(match[1]) * 1024, "/proc/meminfo") if match else None


# ── what is installed


def _installed(files: Files, package: str) -> Fact[str] | None:
    """Return the version of an installed Debian package, without the packaging's own part."""
    for entry in files.paragraphs(_DPKG, having=f"Package: {package}\n"):
        if entry.get("Status", "").endswith(" installed"):
            return Fact(re.split(r"[-+]", entry["Version"])[0], f"{_DPKG}: {package}")
    return None


def _l4t(files: Files) -> Fact[str] | None:
    match = re.search(r"# R(\d+) \(release\), REVISION: ([\d.]+)", files.text(_RELEASE) or "")
    return Fact(f"{match[1]}.{match[2]}", _RELEASE) if match else _installed(files, "nvidia-l4t-core")


def _jetpack(files: Files, l4t: Fact[str] | None) -> Fact[str] | None:
    if l4t is None:
        return None
    release = l4t.value if l4t.value.count(".") == 2 else f"{l4t.value}.0"
    by_release = Fact(JETPACK[release], f"L4T {l4t.value}") if release in JETPACK else None
    return _installed(files, "nvidia-jetpack") or by_release


def _os(files: Files) -> Fact[str] | None:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        text = files.text(path)
        if text:
            keys = dict(re.findall(r"^(ID|VERSION_ID)=\"?([^\"\n]+)\"?$", text, re.MULTILINE))
            if "ID" in keys:
                return Fact(":".join(keys[key] for key in ("ID", "VERSION_ID") if key in keys), path)
    return None


def _glibc(files: Files) -> Fact[str] | None:
    installed = _installed(files, "libc6")
    if installed:
        return installed
    if files.running and platform.libc_ver()[0] == "glibc":
        return Fact(platform.libc_ver()[1], "libc")
    from edgebake.model.target import GLIBC

    system = _os(files)
    found = GLIBC.get(system.value) if system else None
    return Fact(found, system.source) if system and found else None


def _python(files: Files) -> Fact[str] | None:
    place = files.place("/usr/bin/python3")
    match = re.fullmatch(r"python(3\.\d+)", place.name) if place else None
    return Fact(match[1], "/usr/bin/python3") if match else None


def _toolkit(files: Files) -> Fact[str] | None:
    path = "/usr/local/cuda/version.json"
    text = files.text(path)
    if text:
        try:
            found = json.loads(text)
            part = found.get("cuda") or found.get("cuda_nvcc") or found.get("cuda_cudart")
            return Fact(part["version"], path)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
    path = "/usr/local/cuda/version.txt"  # until CUDA 10.2
    match = re.search(r"CUDA Version ([\d.]+)", files.text(path) or "")
    return Fact(match[1], path) if match else None


# ── driver and GPU


def _seen(files: Files, soc: str | None) -> Seen:
    sources = [by_files(files), by_soc(soc), by_pci(files)]
    if files.running:
        from edgebake.host.nvml import by_nvml

        nvml = by_nvml()
        # nvidia-smi reports what NVML does, more slowly.
        sources = [nvml, *([] if nvml.gpus else [by_nvidia_smi()]), *sources]
    return merged(sources)


def _driver_cuda(seen: Seen, l4t: Fact[str] | None, driver: Fact[str] | None) -> Fact[str] | None:
    if seen.cuda:
        return Fact(seen.cuda, "NVML")
    if l4t:  # a Jetson's driver has numbers of its own
        found = cuda_of_l4t(l4t.value)
        return Fact(found, f"L4T {l4t.value}") if found else None
    known = cuda_of_driver(driver.value) if driver else None
    if driver is None or known is None:
        return None
    cuda, at_least = known
    return Fact(cuda, f"driver {driver.value}, at least" if at_least else f"driver {driver.value}")


def _flavour(kind: Fact[Kind] | None, l4t: Fact[str] | None, seen: Seen) -> Fact[Flavour] | None:
    if kind is None or not seen.gpus:
        return None
    if kind.value != "jetson":
        return Fact("x86" if kind.value == "pc" else "sbsa", kind.source)
    if l4t is None:
        return None
    return Fact("sbsa" if int(l4t.value.split(".")[0]) >= SBSA_FROM_L4T else "tegra", f"L4T {l4t.value}")


# ── how containers get the GPU: NVIDIA's runtime, and the container device interface (CDI)


def _container_runtime(files: Files) -> ContainerRuntime:
    settings = _settings(files)
    runtimes = settings.get("runtimes")
    return ContainerRuntime(
        docker=any(files.in_path(program) for program in ("dockerd", "docker")),
        nvidia_runtime=files.in_path("nvidia-container-runtime"),
        configured=isinstance(runtimes, dict) and "nvidia" in runtimes,
        default=settings.get("default-runtime") == "nvidia",
        cdi=_cdi(files),
        host_files=tuple(files.names(_HOST_FILES, "*.csv")),
    )


def _settings(files: Files) -> dict[str, object]:
    try:
        found = json.loads(files.text(_DAEMON) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cdi(files: Files) -> tuple[str, ...]:
    """Return the devices of the specifications: JSON, or YAML, of which only kind and names are read.

    A specification for a Jetson has thousands of lines, which a YAML parser takes seconds for.
    """
    found: dict[str, None] = {}
    for folder in ("/etc/cdi", "/var/run/cdi"):
        for path in files.names(folder):
            text = files.text(path) or ""
            kind = re.search(r"^\s*\"?kind\"?:\s*\"?([\w./-]+)\"?", text, re.MULTILINE)
            devices = text.partition("devices")[2]
            for name in re.findall(r"^(?:    |  |\t)*-?\s*\"?name\"?:\s*\"?([\w.:-]+)\"?", devices, re.MULTILINE):
                if kind:
                    found[f"{kind[1]}={name}"] = None
    return tuple(found)
