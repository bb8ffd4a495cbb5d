"""Facts of NVIDIA's releases that no file of a machine says; newest first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.version import Version

from edgebake.model.versions import parse_version

SOC_SM = {"tegra264": "110", "tegra234": "87", "tegra194": "72", "tegra186": "62", "tegra210": "53"}
"""GPU architecture by SoC: https://github.com/rbonghi/jetson_stats/blob/f41d5ca/jtop/core/jetson_variables.py"""

CHIPS = {"38": "tegra264", "35": "tegra234", "25": "tegra194", "24": "tegra186", "33": "tegra210"}
"""SoC by soc_id, in which the kernel shows the chip's number in decimal (35 is 0x23):
https://github.com/torvalds/linux/blob/master/include/soc/tegra/fuse.h and drivers/soc/tegra/fuse/fuse-tegra.c"""

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
"""JetPack by L4T, released ones only: the page of `SOC_SM`."""

L4T_CUDA = {
    "39.0": "13.2",
    "38.0": "13.0",
    "36.4": "12.6",
    "36.0": "12.2",
    "35.0": "11.4",
    "34.0": "11.4",
    "32.4": "10.2",
    "32.1": "10.0",
}
"""The CUDA of a Jetson's driver by L4T, from this one on and below the next major one. From 34.0 on, the default of
each JetPack: https://docs.nvidia.com/cuda/cuda-for-tegra-appnote/index.html#use-the-right-upgrade-package; 36.4:
https://docs.pytorch.org/TensorRT/v2.6.1/getting_started/jetpack.html; 32:
https://developer.nvidia.com/embedded/jetpack-archive"""

SBSA_FROM_L4T = 38
"""The first L4T whose CUDA is the one of servers (CUDA 13):
https://developer.nvidia.com/blog/whats-new-in-cuda-toolkit-13-0-for-jetson-thor-unified-arm-ecosystem-and-more
for Orin, which follows with L4T 39: https://github.com/NixOS/nixpkgs/issues/530931"""

DRIVER_CUDA = {
    "610.43.02": "13.3",
    "595.45.04": "13.2",
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
"""A CUDA that a driver runs, from this driver on: the one that came with the CUDA's first release. Newer drivers
run it, too, so that it is the least that a driver of another branch runs. Table 3 (Linux x86_64) of
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/index.html, as it is in
https://github.com/mesonbuild/meson/blob/cd1a097/mesonbuild/modules/cuda.py. NVIDIA has no table for Arm servers;
CUDA's installers for them have the same drivers (cuda_13.0.0_580.65.06_linux_sbsa.run)."""

MINOR_COMPATIBLE_FROM = {13: "580", 12: "525", 11: "450.80.02"}
"""The driver from which every CUDA of a major version runs:
https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html"""

GPU_SM = (
    (r"\bGB10\b", "121"),
    (r"\bRTX PRO (2000|4000|4500|5000|6000) Blackwell\b|\bRTX 50[5-9]0\b", "120"),
    (r"\bG?B300\b", "103"),
    (r"\bG?B200\b", "100"),
    (r"\b(H100|G?H200)\b", "90"),
    (r"\bL40S?\b|\bL4\b|\bRTX 40[5-9]0\b|\bRTX (2000|4000( SFF)?|4500|5000|6000) Ada\b", "89"),
    (r"\bRTX 30[5-9]0\b(?! A\b)|\bRTX A[2-6]000\b|\bA(2|10|16|40)\b", "86"),
    (r"\bA(30|100)\b", "80"),
    (r"\bRTX 20[678]0\b|\bGTX 16[56]0\b|\bT4\b|\bQuadro RTX [4568]000\b", "75"),
    (r"\bV100\b", "70"),
    (r"\bGTX 10[5678]0\b|\bP(4|40)\b", "61"),
    (r"\bP100\b", "60"),
)
"""GPU architecture by a pattern of the name; the first that it has. Names are those of
https://developer.nvidia.com/cuda-gpus and, before sm 75, https://developer.nvidia.com/cuda-legacy-gpus; of others,
only the driver knows it."""

GPU_BRANDS = (
    (r"\bGeForce\b", "geforce"),
    (r"\bTITAN\b", "titan"),
    (r"\bQuadro RTX\b", "quadrortx"),
    (r"\bQuadro\b", "quadro"),
    (r"\bTesla\b", "tesla"),
    (r"\bRTX (A\d000|\d+( SFF)? Ada|PRO)\b", "nvidiartx"),
    (r"\b(A2|A10|A16|A30|A40|A100|L4|L40S?|H100|G?H200|G?B200|G?B300|GB10)\b", "nvidia"),
)
"""Brand, as NVIDIA_REQUIRE_CUDA names it, by a pattern of the name; NVML's own answer goes first. Words are those
of https://github.com/NVIDIA/go-nvlib/blob/3c16156/pkg/nvlib/device/device.go. Which names without such a word are
"nvidia": the column Data Center of https://developer.nvidia.com/cuda-gpus."""


def first_match(table: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return what the first pattern that a name has stands for, or None; of (pattern, value)."""
    return next((value for pattern, value in table if re.search(pattern, name)), None)


def first_reached(table: dict[str, str], version: str) -> str | None:
    """Return what a table (newest first) says of a version: its first entry that is not newer; None if none is."""
    found = parse_version(version)
    return next((value for since, value in table.items() if Version(since) <= found), None)


def cuda_of_l4t(l4t: str) -> str | None:
    """Return the CUDA of a Jetson's driver; None if nothing is known of L4T releases of its major version."""
    major = parse_version(l4t).major
    return first_reached({since: cuda for since, cuda in L4T_CUDA.items() if Version(since).major == major}, l4t)


def cuda_of_driver(driver: str) -> tuple[str, bool] | None:
    """Return a CUDA that a driver runs, and whether it may run a newer one; None for drivers before the table's."""
    found = first_reached(DRIVER_CUDA, driver)
    branches = {since.partition(".")[0] for since in DRIVER_CUDA}
    return (found, driver.partition(".")[0] not in branches) if found else None
