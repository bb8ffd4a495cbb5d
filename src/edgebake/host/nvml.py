"""NVML, the library behind nvidia-smi: https://docs.nvidia.com/deploy/nvml-api/"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, TypeVar

from edgebake.host.gpu import Seen, gpu
from edgebake.host.machine import Gpu

LIBRARY = "libnvidia-ml.so.1"
_LENGTH = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE

_BRANDS = {
    1: "quadro",
    2: "tesla",
    3: "nvs",
    4: "grid",
    5: "geforce",
    6: "titan",
    7: "vapps",
    8: "vpc",
    9: "vcs",
    10: "vws",
    11: "cloudgaming",
    12: "quadrortx",
    13: "nvidiartx",
    14: "nvidia",
    15: "geforcertx",
    16: "titanrtx",
}
"""nvmlBrandType_t, as NVIDIA's container toolkit names it."""


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


def by_nvml(library: str = LIBRARY) -> Seen:
    """Ask the running machine's NVML. Nothing is known where there is none, or it does not begin."""
    try:
        nvml = ctypes.CDLL(library)
        code = nvml.nvmlInit_v2()
    except (OSError, AttributeError):
        return Seen()
    if code != 0:
        return Seen(note=f"{library}: nvmlInit failed with {code}")
    try:
        return Seen(_gpus(nvml), _text(nvml.nvmlSystemGetDriverVersion), _cuda(nvml))
    except AttributeError as error:  # a library without a function that is asked for
        return Seen(note=f"{library}: {error}")
    finally:
        nvml.nvmlShutdown()


def used_memory(library: str = LIBRARY) -> int | None:
    """Return the bytes in use on all GPUs together, or None if NVML does not say (it does not on Jetson)."""
    try:
        nvml = ctypes.CDLL(library)
        if nvml.nvmlInit_v2() != 0:
            return None
    except (OSError, AttributeError):
        return None
    try:
        found = [memory.used for memory in (_memory(nvml, one) for one in _handles(nvml)) if memory]
    finally:
        nvml.nvmlShutdown()
    return sum(found) if found else None


T = TypeVar("T", bound="ctypes._SimpleCData[Any] | ctypes.Structure")


def _read(result: T, function: Callable[..., int], *arguments: object) -> T | None:
    """Return a result that one of NVML's functions fills in, or None if it does not know it."""
    return result if function(*arguments, ctypes.byref(result)) == 0 else None


def _handles(nvml: ctypes.CDLL) -> list[ctypes.c_void_p]:
    count = _read(ctypes.c_uint(), nvml.nvmlDeviceGetCount_v2)
    indexes = range(count.value if count else 0)
    handles = (_read(ctypes.c_void_p(), nvml.nvmlDeviceGetHandleByIndex_v2, index) for index in indexes)
    return [handle for handle in handles if handle is not None]


def _gpus(nvml: ctypes.CDLL) -> tuple[Gpu, ...]:
    found = []
    for handle in _handles(nvml):
        major, minor = ctypes.c_int(), ctypes.c_int()
        known = nvml.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor)) == 0
        sm = f"{major.value}{minor.value}" if known else None
        brand, memory = _read(ctypes.c_uint(), nvml.nvmlDeviceGetBrand, handle), _memory(nvml, handle)
        named = _BRANDS.get(brand.value) if brand is not None else None
        name, size = _text(nvml.nvmlDeviceGetName, handle), memory.total if memory else None
        found.append(gpu(name, sm, size, named, "NVML"))
    return tuple(found)


def _memory(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> _Memory | None:
    return _read(_Memory(), nvml.nvmlDeviceGetMemoryInfo, handle)


def _cuda(nvml: ctypes.CDLL) -> str | None:
    version = _read(ctypes.c_int(), nvml.nvmlSystemGetCudaDriverVersion_v2)  # 12060 is 12.6
    if version is None or version.value <= 0:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _text(function: Callable[..., int], *arguments: ctypes.c_void_p) -> str | None:
    buffer = ctypes.create_string_buffer(_LENGTH)
    if function(*arguments, buffer, ctypes.c_uint(_LENGTH)) != 0:
        return None
    return buffer.value.decode(errors="replace") or None
