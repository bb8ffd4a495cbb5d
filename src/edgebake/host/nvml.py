"""NVML, the library behind nvidia-smi: https://docs.nvidia.com/deploy/nvml-api/"""

from __future__ import annotations

import ctypes

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


def _handles(nvml: ctypes.CDLL) -> list[ctypes.c_void_p]:
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return []
    found = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
            found.append(handle)
    return found


def _gpus(nvml: ctypes.CDLL) -> tuple[Gpu, ...]:
    found = []
    for handle in _handles(nvml):
        major, minor, brand = ctypes.c_int(), ctypes.c_int(), ctypes.c_uint()
        known = nvml.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor)) == 0
        branded = nvml.nvmlDeviceGetBrand(handle, ctypes.byref(brand)) == 0
        memory = _memory(nvml, handle)
        found.append(
            gpu(
                _text(nvml.nvmlDeviceGetName, handle),
                f"{major.value}{minor.value}" if known else None,
                memory.total if memory else None,
                _BRANDS.get(brand.value) if branded else None,
                "NVML",
            )
        )
    return tuple(found)


def _memory(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> _Memory | None:
    memory = _Memory()
    return memory if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0 else None


def _cuda(nvml: ctypes.CDLL) -> str | None:
    version = ctypes.c_int()  # 12060 is 12.6
    if nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(version)) != 0 or version.value <= 0:
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def _text(function: ctypes._NamedFuncPointer, *arguments: ctypes.c_void_p) -> str | None:
    buffer = ctypes.create_string_buffer(_LENGTH)
    if function(*arguments, buffer, ctypes.c_uint(_LENGTH)) != 0:
        return None
    return buffer.value.decode(errors="replace") or None
