"""What machines are, by their files; the folders are described in tests/machines/README.md."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from edgebake.cli.format.detect import data, rows
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.gpu import Seen as GpuSeen
from edgebake.host.gpu import by_nvidia_smi, gpu, merged, parse_nvidia_smi
from edgebake.host.machine import Fact, Machine
from edgebake.host.match import Detection, board_of, fitting_targets
from edgebake.host.nvml import by_nvml, used_memory
from edgebake.host.tables import cuda_of_driver, cuda_of_l4t
from edgebake.load.boards import load_boards
from edgebake.load.workspace import open_workspace

MACHINES = Path(__file__).parents[1] / "machines"
CATALOGUE = open_workspace(MACHINES, need_project=False).catalogue
BOARDS = list(load_boards(CATALOGUE).values())
TARGETS = [CATALOGUE.target(name).target for name in CATALOGUE.target_names()]

#           kind      board                   SoC         L4T      JetPack  OS             Python  driver        CUDA    binaries  sm
EXPECTED = {
    "jetson-nano-jp4.6.4": (
        "jetson", "jetson-nano", "tegra210", "32.7.4", "4.6.4", "ubuntu:18.04", "3.6", None, "10.2", "tegra", "53",
    ),
    "jetson-xavier-nx-jp5.1.2": (
        "jetson", "jetson-xavier-nx", "tegra194", "35.4.1", "5.1.2", "ubuntu:20.04", "3.8", None, "11.4", "tegra", "72",
    ),
    "jetson-orin-nano-jp5.1.1": (
        "jetson", "jetson-orin-nano-8gb", "tegra234", "35.3.1", "5.1.1", "ubuntu:20.04", "3.8", None, "11.4", "tegra", "87",
    ),
    "jetson-agx-orin-jp6.0": (
        "jetson", "jetson-agx-orin-64gb", "tegra234", "36.3.0", "6.0", "ubuntu:22.04", "3.10", "540.3.0", "12.2", "tegra", "87",
    ),
    "jetson-orin-nano-jp6.2": (
        "jetson", "jetson-orin-nano-8gb", "tegra234", "36.4.3", "6.2", "ubuntu:22.04", "3.10", "540.4.0", "12.6", "tegra", "87",
    ),
    "jetson-agx-orin-jp7.2": (
        "jetson", "jetson-agx-orin-32gb", "tegra234", "39.2.0", "7.2", "ubuntu:24.04", "3.12", None, "13.2", "sbsa", "87",
    ),
    "jetson-agx-thor-jp7.0": (
        "jetson", "jetson-thor-t5000", "tegra264", "38.2.0", "7.0", "ubuntu:24.04", "3.12", "580.00", "13.0", "sbsa", "110",
    ),
    "dgx-spark": (
        "sbsa", None, None, None, None, "ubuntu:24.04", "3.12", "580.126.09", "13.0", "sbsa", "121",
    ),
    "pc-rtx3090": ("pc", None, None, None, None, "ubuntu:24.04", "3.12", "550.90.07", "12.4", "x86", "86"),
    "pc-no-driver": ("pc", None, None, None, None, "ubuntu:24.04", "3.12", None, None, "x86", None),
    "pc-no-gpu": ("pc", None, None, None, None, "debian:12", "3.11", None, None, None, None),
    "unknown": (None, None, None, None, None, None, None, None, None, None, None),
}  # fmt: skip


def machine(name: str) -> Machine:
    return detect(Files(MACHINES / name))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_machine_is_what_its_files_say(name: str) -> None:
    this = machine(name)
    board = board_of(this, BOARDS)
    names = ("kind", "soc", "l4t", "jetpack", "os", "python", "driver", "cuda", "cuda_flavour")
    values = [fact.value if (fact := getattr(this, one)) else None for one in names]
    sm = this.sms[0] if this.sms else None
    assert (values[0], board.name if board else None, *values[1:], sm) == EXPECTED[name]


def test_every_folder_is_in_the_table() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in MACHINES.iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("jetson-nano-jp4.6.4", ["jetpack-4.6.6", "cpu"]),
        ("jetson-xavier-nx-jp5.1.2", ["jetpack-5.1.2", "cpu"]),
        ("jetson-agx-orin-jp6.0", ["jetpack-6.0", "cpu"]),
        ("jetson-orin-nano-jp6.2", ["jetpack-6.2", "jetpack-6.1", "jetpack-6.0", "cpu"]),
        ("jetson-agx-thor-jp7.0", ["jetpack-7.0", "jetpack-7.1", "cpu"]),
        ("jetson-agx-orin-jp7.2", ["jetpack-7.2", "cpu"]),
        ("dgx-spark", ["cuda-12.8-sbsa", "cuda-13.0-sbsa", "cpu"]),
        ("pc-no-driver", ["cpu"]),
        ("pc-no-gpu", ["cpu"]),
        ("unknown", []),
    ],
)
def test_the_targets_that_fit_are_listed_the_nearest_first(name: str, targets: list[str]) -> None:
    assert [target.name for target in fitting_targets(machine(name), TARGETS)] == targets


def test_every_fact_says_where_it_comes_from() -> None:
    facts = vars(machine("jetson-orin-nano-jp6.2"))
    assert {name: fact.source for name, fact in facts.items() if isinstance(fact, Fact)} == {
        "architecture": "/var/lib/dpkg/status",
        "kind": "/etc/nv_tegra_release",
        "model": "/proc/device-tree/model",
        "soc": "/proc/device-tree/compatible",
        "l4t": "/etc/nv_tegra_release",
        "jetpack": "/var/lib/dpkg/status: nvidia-jetpack",
        "os": "/etc/os-release",
        "glibc": "/var/lib/dpkg/status: libc6",
        "python": "/usr/bin/python3",
        "memory": "/proc/meminfo",
        "driver": "/proc/driver/nvidia/version",
        "cuda": "L4T 36.4.3",
        "toolkit": "/usr/local/cuda/version.json",
        "cuda_flavour": "L4T 36.4.3",
    }


def test_container_runtimes() -> None:
    spark, nano = machine("dgx-spark").runtime, machine("jetson-nano-jp4.6.4").runtime
    assert spark.configured
    assert not spark.default
    assert spark.cdi == ("nvidia.com/gpu=0", "nvidia.com/gpu=all")
    assert [Path(path).name for path in nano.host_files] == ["cuda.csv", "cudnn.csv", "l4t.csv", "tensorrt.csv"]
    assert machine("pc-no-gpu").runtime.nvidia_runtime is None


def test_a_board_that_no_profile_describes_is_unknown(tmp_path: Path) -> None:
    other = shutil.copytree(MACHINES / "jetson-orin-nano-jp6.2", tmp_path / "other", symlinks=True)
    (other / "proc/meminfo").write_text("MemTotal:       3900000 kB\n")
    this = detect(Files(other))
    assert board_of(this, BOARDS) is None
    assert ("Board profile", "unknown") in [row[:2] for row in rows(Detection(this, None, ()))]
    (other / "proc/device-tree/compatible").write_bytes(b"acme,robot\0nvidia,tegra234\0")
    assert board_of(detect(Files(other)), BOARDS) is None


def test_without_nv_tegra_release_the_package_says_the_l4t(tmp_path: Path) -> None:
    other = shutil.copytree(MACHINES / "jetson-orin-nano-jp6.2", tmp_path / "other", symlinks=True)
    (other / "etc/nv_tegra_release").unlink()
    fact = detect(Files(other)).l4t
    assert fact is not None
    assert (fact.value, fact.source) == ("36.4.3", "/var/lib/dpkg/status: nvidia-l4t-core")


def test_an_l4t_without_a_known_jetpack_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 9.9, GCID: 1, BOARD: generic\n")
    this = detect(Files(tmp_path))
    assert this.l4t is not None
    assert this.l4t.value == "36.9.9"
    assert this.jetpack is None


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[]", b'{"cuda": 3}', b"\0" * 100])
def test_damaged_files_are_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    paths = ["etc/nv_tegra_release", "proc/device-tree/compatible", "proc/meminfo", "etc/os-release", "bin/sh"]
    paths += ["usr/local/cuda/version.json", "etc/docker/daemon.json", "etc/cdi/x.yaml", "var/lib/dpkg/status"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    this = detect(Files(tmp_path))
    assert [name for name, fact in vars(this).items() if isinstance(fact, Fact)] == []
    assert fitting_targets(this, TARGETS) == ()
    assert data(Detection(this, None, ())).architecture is None


def test_links_stay_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("inside\n")
    (tmp_path / "etc").mkdir()
    links = {"etc/a": "/real/file", "etc/b": "../../../real/file", "etc/loop": "loop", "etc/out": "/etc/passwd"}
    for path, target in links.items():
        (tmp_path / path).symlink_to(target)
    files = Files(tmp_path)
    assert [files.text(f"/{path}") for path in links] == ["inside", "inside", None, None]
    assert not files.exists("/etc/loop")


def test_the_architecture_comes_from_a_program_if_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\x00\xb7\x00")
    fact = detect(Files(tmp_path)).architecture
    assert fact is not None
    assert (fact.value, fact.source) == ("arm64", "/bin/sh")


# ── GPUs


def test_nvidia_smi_says_what_it_knows() -> None:
    seen = parse_nvidia_smi(
        "NVIDIA GB10, 12.1, [N/A], 580.126.09\nNVIDIA GeForce RTX 3090, 8.6, 24576, 580.126.09\n"
    )
    assert seen.driver == "580.126.09"
    assert [(one.name, one.sm, one.memory, one.brand) for one in seen.gpus] == [
        ("NVIDIA GB10", "121", None, "nvidia"),
        ("NVIDIA GeForce RTX 3090", "86", 24576 << 20, "geforce"),
    ]
    assert parse_nvidia_smi("Failed to initialize NVML\n") == GpuSeen()


def test_an_nvidia_smi_that_fails_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert by_nvidia_smi() == GpuSeen()
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n")
    program.chmod(0o755)
    assert by_nvidia_smi().note == "nvidia-smi: Failed to initialize NVML: Driver/library version mismatch"


@pytest.mark.parametrize(
    ("name", "sm", "brand"),
    [
        ("NVIDIA A100-SXM4-80GB", "80", "nvidia"),
        ("Tesla T4", "75", "tesla"),
        ("NVIDIA GeForce RTX 5090", "120", "geforce"),
        ("Quadro RTX 4000", "75", "quadrortx"),
        ("NVIDIA RTX 4000 Ada Generation", "89", "nvidiartx"),
        ("NVIDIA RTX A6000", "86", "nvidiartx"),
        ("NVIDIA H100 PCIe", "90", "nvidia"),
        ("NVIDIA L4", "89", "nvidia"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "89", "nvidiartx"),
        ("NVIDIA GH200 480GB", "90", "nvidia"),
        ("NVIDIA H800", None, None),  # not on NVIDIA's list
        ("NVIDIA GeForce RTX 3050 A Laptop GPU", None, "geforce"),  # nor is this one
        ("Orin (nvgpu)", None, None),
        ("GeForce GT 710", None, "geforce"),
    ],
)
def test_what_a_gpu_s_name_tells(name: str, sm: str | None, brand: str | None) -> None:
    one = gpu(name, None, None, None, "here")
    assert (one.sm, one.brand) == (sm, brand)


def test_sources_are_joined_and_the_first_has_the_word() -> None:
    first = GpuSeen((gpu("NVIDIA H100 PCIe", None, None, None, "a"),), None, "12.4")
    second = GpuSeen((gpu("other", "86", 5, None, "b"),), "550.54.15", "12.2")
    both = merged([GpuSeen(), first, second])
    assert (both.driver, both.cuda) == ("550.54.15", "12.4")
    assert dataclasses.astuple(both.gpus[0]) == ("NVIDIA H100 PCIe", "90", 5, "nvidia", ("a", "b"))


NVML = r"""
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "570.124.06", size); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12080; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetName(void *device, char *text, unsigned size) { strncpy(text, "NVIDIA Thing", size); return 0; }
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) { *major = 12; *minor = 0; return 0; }
int nvmlDeviceGetBrand(void *device, unsigned *brand) { *brand = 5; return 0; }
int nvmlDeviceGetMemoryInfo(void *device, memory *m) {
    if ((long)device == 2) return 3; /* NVML_ERROR_NOT_SUPPORTED, as a DGX Spark says */
    m->total = 1000; m->used = 600; m->free = 400; return 0;
}
"""


def library(folder: Path, source: str) -> str:
    (folder / "nvml.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "libnvml-test.so", "nvml.c"], cwd=folder, check=True)
    return str(folder / "libnvml-test.so")


def test_nvml_is_asked_through_its_c_interface(tmp_path: Path) -> None:
    path = library(tmp_path, NVML)
    seen = by_nvml(path)
    assert (seen.driver, seen.cuda, seen.note) == ("570.124.06", "12.8", "")
    assert [(one.name, one.sm, one.memory, one.brand) for one in seen.gpus] == [
        ("NVIDIA Thing", "120", 1000, "geforce"),
        ("NVIDIA Thing", "120", None, "geforce"),
    ]
    assert used_memory(path) == 600


def test_an_nvml_that_does_not_begin_knows_nothing(tmp_path: Path) -> None:
    assert by_nvml("libthere-is-none.so.1") == GpuSeen()
    path = library(tmp_path, "int nvmlInit_v2(void) { return 9; }")
    assert by_nvml(path).note == f"{path}: nvmlInit failed with 9"
    assert used_memory(path) is None


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("580.126.09", ("13.0", False)),
        ("595.58.03", ("13.2", False)),
        ("565.57.01", ("12.6", True)),  # no CUDA came with the branch 565
        ("699.10", ("13.3", True)),
        ("390.157", None),
    ],
)
def test_what_a_driver_s_number_tells_of_its_cuda(driver: str, cuda: tuple[str, bool] | None) -> None:
    assert cuda_of_driver(driver) == cuda


@pytest.mark.parametrize(
    ("l4t", "cuda"),
    [
        ("39.2.0", "13.2"),
        ("36.5.0", "12.6"),
        ("36.0.0", "12.2"),
        ("32.7.4", "10.2"),
        ("28.2.1", None),
        ("40.1", None),
    ],
)
def test_the_cuda_of_an_unknown_line_of_l4t_is_unknown(l4t: str, cuda: str | None) -> None:
    assert cuda_of_l4t(l4t) == cuda
