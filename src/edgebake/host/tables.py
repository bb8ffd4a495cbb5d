"""Facts of NVIDIA's releases that no file of a machine says; newest first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.version import Version

from edgebake.model.versions import parse_version

SOC_SM = {
    "tegra264": "110",
    "tegra234": "87",
    "tegra194": "72",
    "tegra186": "62",
    "tegra210": "53",
}
"""GPU architecture by SoC: https://github.com/rbonghi/jetson_stats/blob/01f201f/jtop/core/jetson_variables.py"""

JETPACK = {
    "39.2.0": "7.2",
    "38.4.0": "7.1",
    "38.2.2": "7.0",
    "38.2.1": "7.0",
    "38.2.0": "7.0",
    "36.5.0": "6.2.2",
    "36.4.7": "6.2.1",
    "36.4.4": "6.2.1",
    "36.4.3": "6.2",
    "36.4.2": "6.1",
    "36.4.0": "6.1",
    "36.3.0": "6.0",
    "35.6.4": "5.1.6",
    "35.6.3": "5.1.5",
    "35.6.2": "5.1.5",
    "35.6.1": "5.1.5",
    "35.6.0": "5.1.4",
    "35.5.0": "5.1.3",
    "35.4.1": "5.1.2",
    "35.3.1": "5.1.1",
    "35.2.1": "5.1",
    "35.1.0": "5.0.2",
    "32.7.6": "4.6.6",
    "32.7.5": "4.6.5",
    "32.7.4": "4.6.4",
    "32.7.3": "4.6.3",
    "32.7.2": "4.6.2",
    "32.7.1": "4.6.1",
    "32.6.1": "4.6",
    "32.5.2": "4.5.1",
    "32.5.1": "4.5.1",
    "32.5.0": "4.5",
    "32.4.4": "4.4.1",
    "32.4.3": "4.4",
    "32.3.1": "4.3",
}
"""JetPack by L4T, released ones only: the same page."""

L4T_CUDA = {
    "39.0": "13.2",
    "38.0": "13.0",
    "36.4": "12.6",
    "36.2": "12.2",
    "34.0": "11.4",
    "32.4": "10.2",
    "32.1": "10.0",
}
"""The CUDA of a Jetson's driver by L4T, from this one on: the targets' data, and for 32.1 to 32.3
https://developer.nvidia.com/embedded/jetpack-archive"""

SBSA_FROM_L4T = 38
"""The first L4T whose CUDA is the one of servers (CUDA 13):
https://developer.nvidia.com/blog/whats-new-in-cuda-toolkit-13-0-for-jetson-thor-unified-arm-ecosystem-and-more
for Orin, which follows with L4T 39: https://github.com/NixOS/nixpkgs/issues/530931"""

DRIVER_CUDA = {
    "590.44.01": "13.1",
    "580.65.06": "13.0",
    "575.51.03": "12.9",
    "570.26": "12.8",
    "560.28.03": "12.6",
    "555.42.02": "12.5",
    "550.54.14": "12.4",
    "545.23.06": "12.3",
    "535.54.03": "12.2",
    "530.30.02": "12.1",
    "525.60.13": "12.0",
    "520.61.05": "11.8",
    "515.43.04": "11.7",
    "510.39.01": "11.6",
    "495.29.05": "11.5",
    "470.42.01": "11.4",
    "465.19.01": "11.3",
    "460.27.03": "11.2",
    "455.23": "11.1",
    "450.36.06": "11.0",
    "440.33": "10.2",
}
"""The newest CUDA that a driver knows, from this driver on:
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html (Table 3)"""

MINOR_COMPATIBLE_FROM = {13: "580.65.06", 12: "525.60.13", 11: "450.80.02"}
"""The driver from which every CUDA of a major version runs:
https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"""

GPU_SM = (
    (r"\bGB10\b", "121"),
    (r"RTX PRO \d+ Blackwell|\bRTX 50[5-9]0", "120"),
    (r"\bG?B300\b", "103"),
    (r"\bG?B200\b", "100"),
    (r"\bG?H[12]00\b", "90"),
    (r"\bL40S?\b|\bL4\b|\bRTX 40[5-9]0|\bRTX \d+ Ada\b", "89"),
    (r"\bRTX 30[5-9]0|\bRTX A\d000\b|\bA(2|10|16|40)\b", "86"),
    (r"\bA(30|100)\b", "80"),
    (r"\bRTX 20[678]0|\bGTX 16[56]0|\bT4\b|\bQuadro RTX\b", "75"),
    (r"\bV100\b", "70"),
    (r"\bGTX 10[5678]0|\bP(4|40)\b", "61"),
    (r"\bP100\b", "60"),
)
"""GPU architecture by a pattern of the name; the first that it has: https://developer.nvidia.com/cuda-gpus"""

GPU_BRANDS = (
    (r"\bGeForce\b", "geforce"),
    (r"\bTITAN\b", "titan"),
    (r"\bQuadro RTX\b", "quadrortx"),
    (r"\bQuadro\b", "quadro"),
    (r"\bTesla\b", "tesla"),
    (r"\bRTX (A\d000|\d+ Ada|PRO)\b", "nvidiartx"),
    (r"\b(G?[ABH]\d{2,3}X?|GB10|L\d{1,2}S?)\b", "nvidia"),
)
"""Brand, as NVIDIA_REQUIRE_CUDA names it, by a pattern of the name; NVML's own answer goes first:
https://github.com/NVIDIA/go-nvlib/blob/main/pkg/nvlib/device/device.go"""


def first_match(table: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return what the first pattern that a name has stands for, or None; of (pattern, value)."""
    return next((value for pattern, value in table if re.search(pattern, name)), None)


def first_reached(table: dict[str, str], version: str) -> str | None:
    """Return what a table (newest first) says of a version: its first entry that is not newer; None if none is."""
    found = parse_version(version)
    return next((value for since, value in table.items() if Version(since) <= found), None)
