"""What `docker run` needs on a machine: each flag with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.host.files import Files
from edgebake.host.machine import Machine
from edgebake.model.gpu import ULIMITS, gpu_access

GROUPS = ("gpu", "cameras", "audio", "display", "i2c", "serial", "usb", "board", "data", "memory")
"""What can be left out, or added where it is not given by itself."""

_DEVICES = {
    "cameras": ("camera", (("/dev", "video*"), ("/dev", "media*"))),
    "audio": ("sound", (("/dev", "snd"),)),
    "i2c": ("I2C bus, for sensors and displays", (("/dev", "i2c-*"),)),
    "serial": ("serial port", (("/dev", "ttyACM*"), ("/dev", "ttyUSB*"))),
    "usb": ("USB devices, for cameras and accelerators", (("/dev/bus", "usb"),)),
}
"""By group: what they are, and where: folders, and patterns of names."""
_BOARD_FILES = (
    ("/tmp/argus_socket", "", "the daemon for CSI cameras"),
    ("/run/jtop.sock", "", "jtop's service, which reports what the board does"),
    ("/etc/nv_tegra_release", ":ro", "the board's L4T version, which software reads"),
    ("/etc/enctune.conf", ":ro", "settings of the video encoder"),
)
_ON_BOARDS = ("cameras", "audio", "display", "i2c", "serial", "usb", "board")
TOOLKIT = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
_MOST_SHARED = 8  # GB


@dataclass(frozen=True)
class Flag:
    """Words of the command line, and why they are there."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Choice:
    """Which groups of flags are wanted: a board's own, without some and with others."""

    with_: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def wants(self, group: str, machine: Machine) -> bool:
        """Tell whether a group is given on a machine."""
        if group in self.without:
            return False
        return group in self.with_ or group not in _ON_BOARDS or machine.is_jetson


def machine_flags(
    machine: Machine, files: Files, choice: Choice, environment: Mapping[str, str], *, gpu: bool
) -> list[Flag]:
    """Return the flags for a machine, for the wanted groups.

    `environment` is the user's, for display and sound. `gpu`: whether the image uses a GPU.

    Raises:
        EdgebakeError: the image uses a GPU, and the machine cannot give it to containers.
    """
    gpu = "gpu" not in choice.without and (gpu or "gpu" in choice.with_)
    flags = list(_gpu(machine)) if gpu else []
    for group, (what, places) in _DEVICES.items():
        if choice.wants(group, machine):
            flags += _devices(files, what, places)
    groups: dict[str, Iterator[Flag]] = {
        "audio": _pulse(files, environment),
        "display": _display(files, environment),
        "board": _board(files),
        "data": _data(files),
        "memory": _memory(machine, gpu=gpu),
    }
    return flags + [flag for group, own in groups.items() if choice.wants(group, machine) for flag in own]


def _gpu(machine: Machine) -> Iterator[Flag]:
    runtime = machine.runtime
    if runtime.configured or runtime.default:
        access = gpu_access("runtime", is_jetson=machine.is_jetson)
    elif runtime.cdi:
        device = next((one for one in runtime.cdi if one.endswith("=all")), runtime.cdi[0])
        access = gpu_access("cdi", [device], is_jetson=machine.is_jetson)
    elif runtime.nvidia_runtime:
        access = gpu_access("reservation", is_jetson=machine.is_jetson)
    else:
        raise EdgebakeError(
            "containers cannot use the GPU here",
            reason="neither NVIDIA's container runtime nor a CDI specification was found",
            hints=(f"install NVIDIA's container toolkit: {TOOLKIT}", "or start it without: --without gpu"),
        )
    if access.runtime:
        why = "NVIDIA's runtime gives the container the GPU and the driver's libraries"
        yield Flag(("--runtime", access.runtime), why)
    for name, value in access.environment.items():
        yield Flag(("--env", f"{name}={value}"), _VARIABLES[name])
    for device in access.cdi:
        yield Flag(("--device", device), "the GPU, by its CDI specification")
    if access.reserved:
        yield Flag(("--gpus", "all"), "NVIDIA's container toolkit gives the container the GPUs")


_VARIABLES = {
    "NVIDIA_VISIBLE_DEVICES": "the GPUs that NVIDIA's runtime gives",
    "NVIDIA_DRIVER_CAPABILITIES": "the driver's libraries that it gives",
}


def _devices(files: Files, what: str, places: tuple[tuple[str, str], ...]) -> Iterator[Flag]:
    gids: dict[int, str] = {}  # of another machine unknown: files keep no owner when copied
    for folder, pattern in places:
        for path in files.names(folder, pattern):
            yield Flag(("--device", path), what)
            place = files.place(path) if files.running else None
            if place and not place.is_dir() and place.stat().st_gid:
                gids.setdefault(place.stat().st_gid, path)
    for gid, path in sorted(gids.items()):
        yield Flag(("--group-add", str(gid)), f"the group that {path} belongs to here")


def _display(files: Files, environment: Mapping[str, str]) -> Iterator[Flag]:
    display = environment.get("DISPLAY")
    if not display or not files.names("/tmp/.X11-unix"):
        return
    yield Flag(("--env", f"DISPLAY={display}"), "the display that windows open on")
    yield Flag(("--volume", "/tmp/.X11-unix:/tmp/.X11-unix"), "the display's socket")
    authority = environment.get("XAUTHORITY")
    if authority and files.exists(authority):
        yield Flag(("--volume", f"{authority}:/run/edgebake/xauthority:ro"), "the permission to open windows")
        yield Flag(("--env", "XAUTHORITY=/run/edgebake/xauthority"), "where it is")


def _pulse(files: Files, environment: Mapping[str, str]) -> Iterator[Flag]:
    folder = environment.get("XDG_RUNTIME_DIR")
    if folder and files.exists(f"{folder}/pulse/native"):
        yield Flag(("--volume", f"{folder}/pulse/native:/run/edgebake/pulse"), "the sound server's socket")
        yield Flag(("--env", "PULSE_SERVER=unix:/run/edgebake/pulse"), "where it is")


def _board(files: Files) -> Iterator[Flag]:
    for path, mode, why in _BOARD_FILES:
        if files.exists(path):
            yield Flag(("--volume", f"{path}:{path}{mode}"), why)


def _data(files: Files) -> Iterator[Flag]:
    place = files.place("/data")
    if place is not None and place.is_dir():
        yield Flag(("--volume", "/data:/data"), "models and data that outlive the container")


def _memory(machine: Machine, *, gpu: bool) -> Iterator[Flag]:
    """What frameworks need: https://docs.nvidia.com/deeplearning/frameworks/user-guide/index.html#setincshmem"""
    if not gpu:
        return
    half = machine.memory.value // 2**31 if machine.memory else _MOST_SHARED
    size = max(1, min(_MOST_SHARED, half))
    yield Flag(("--shm-size", f"{size}g"), "shared memory of frameworks' workers; Docker gives 64 MB")
    yield Flag(("--ulimit", f"memlock={ULIMITS['memlock']}"), "memory that the GPU reads must not be swapped")
    yield Flag(("--ulimit", f"stack={ULIMITS['stack']}"), "the stack that NVIDIA's images need")
