"""What `edgebake run` gives a container on each machine, and what it refuses."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgebake.cli.console import render
from edgebake.cli.format.run import text
from edgebake.cli.format.run import usage as used
from edgebake.cli.launch import RunOptions
from edgebake.errors import EdgebakeError
from edgebake.host.built import Built, for_target
from edgebake.host.candidate import Candidate
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.flags import GROUPS, Choice
from edgebake.host.launch import Prepared, Request, configuration, prepare
from edgebake.host.monitor import Usage, parse_stats
from edgebake.host.wanted import known_targets
from edgebake.load.workspace import open_workspace
from edgebake.model.labels import config_labels
from edgebake.model.recipe import Config

MACHINES = Path(__file__).parents[1] / "machines"
TARGETS = known_targets(open_workspace(MACHINES, need_project=False))
DESK = {"DISPLAY": ":0", "XDG_RUNTIME_DIR": "/run/user/1000"}


def prepared(
    root: Path, target: str = "jetpack-6.2", choice: Choice | None = None, request: Request | None = None
) -> Prepared:
    files = Files(root)
    image = Candidate("r/i:t", for_target(TARGETS[target]), True)
    request = request or Request("one")
    return prepare(image, detect(files), files, choice or Choice(), request, DESK, config=None)


def test_a_board_gets_all_that_it_has() -> None:
    words = prepared(MACHINES / "jetson-orin-nano-jp6.2").words()
    assert shlex.join(words) == (
        "docker run --runtime nvidia --env NVIDIA_VISIBLE_DEVICES=all "
        "--env NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics,video "
        "--device /dev/video0 --device /dev/snd --device /dev/i2c-0 --device /dev/i2c-1 --device /dev/i2c-7 "
        "--device /dev/ttyACM0 --device /dev/bus/usb "
        "--env DISPLAY=:0 --volume /tmp/.X11-unix:/tmp/.X11-unix "
        "--volume /tmp/argus_socket:/tmp/argus_socket --volume /run/jtop.sock:/run/jtop.sock "
        "--volume /etc/nv_tegra_release:/etc/nv_tegra_release:ro --volume /data:/data "
        "--shm-size 3g --ulimit memlock=-1 --ulimit stack=67108864 --name one --rm r/i:t"
    )


def test_a_pc_gets_its_gpu_and_no_device_that_nobody_asked_for() -> None:
    words = prepared(MACHINES / "pc-rtx3090", "cuda-12.4").words()
    assert "--runtime" in words
    assert "--device" not in words
    asked = prepared(MACHINES / "pc-rtx3090", "cuda-12.4", Choice(with_=frozenset({"cameras"}))).words()
    assert asked[asked.index("--device") + 1] == "/dev/video0"


def test_an_image_for_cpus_gets_no_gpu() -> None:
    words = prepared(MACHINES / "pc-rtx3090", "cpu").words()
    assert words == ["docker", "run", "--name", "one", "--rm", "r/i:t"]


def test_cdi_where_docker_does_not_know_the_runtime(tmp_path: Path) -> None:
    root = shutil.copytree(MACHINES / "dgx-spark", tmp_path / "spark", symlinks=True)
    (root / "etc/docker/daemon.json").unlink()
    words = prepared(root, "cuda-13.0-sbsa").words()
    assert words[2:4] == ["--device", "nvidia.com/gpu=all"]
    (root / "etc/cdi/nvidia.yaml").unlink()
    assert prepared(root, "cuda-13.0-sbsa").words()[2:4] == ["--gpus", "all"]
    (root / "usr/bin/nvidia-container-runtime").unlink()
    with pytest.raises(EdgebakeError, match="containers cannot use the GPU here"):
        prepared(root, "cuda-13.0-sbsa")
    prepared(root, "cuda-13.0-sbsa", Choice(without=frozenset({"gpu"})))


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_can_be_left_out(group: str) -> None:
    root = MACHINES / "jetson-orin-nano-jp6.2"
    every = prepared(root).words()
    fewer = prepared(root, choice=Choice(without=frozenset({group}))).words()
    assert len(fewer) < len(every)
    assert set(fewer) < set(every) | {"--env", "--volume", "--device"}


def test_every_flag_says_why() -> None:
    told = prepared(MACHINES / "jetson-orin-nano-jp6.2")
    assert all(flag.why for flag in told.flags)
    lines = render(text(told)).splitlines()
    assert len(lines) == len(told.flags) + 2
    assert any(line.startswith("--shm-size 3g") and "64 MB" in line for line in lines)


def test_what_the_user_asks_for_comes_last_and_stays_as_it_is() -> None:
    request = Request(
        "a b", ("sh", "-c", "echo $HOME"), ("80:80",), ("/a b:/c",), ("X=1 2",), ("--network=host",), own_name=True
    )
    words = prepared(MACHINES / "pc-no-gpu", "cpu", request=request).words()
    assert shlex.join(words) == (
        "docker run --name 'a b' --rm --publish 80:80 --volume '/a b:/c' --env 'X=1 2' --network=host "
        "r/i:t sh -c 'echo $HOME'"
    )


# ── another configuration


def image(config: Config | None, **environment: str) -> Candidate:
    variables = tuple(f"{name}={value}" for name, value in environment.items())
    return Candidate("r/i:t", Built("labels"), True, "", config_labels(config), variables)


def test_a_configuration_takes_the_place_of_the_default_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.touch()
    config = Config(path="/etc/app/settings.toml", check=("app", "--check", "{config}"))
    mounted = configuration(image(config), file)
    assert [flag.words for flag in mounted.flags] == [("--volume", f"{file}:/etc/app/settings.toml:ro")]
    assert mounted.check == ("app", "--check", "/etc/app/settings.toml")


def test_or_stands_beside_it_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.touch()
    mounted = configuration(image(Config(env="DRIVING_CONFIG"), DRIVING_CONFIG="/opt/vad/configs/tiny.py"), file)
    assert [flag.words for flag in mounted.flags] == [
        ("--volume", f"{file}:/opt/vad/configs/mine.py:ro"),
        ("--env", "DRIVING_CONFIG=/opt/vad/configs/mine.py"),
    ]


def test_an_image_without_a_place_for_one(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(EdgebakeError, match="does not say where its configuration is"):
        configuration(image(None), tmp_path / "mine")
    with pytest.raises(EdgebakeError, match=r"configuration file '.*/none' not found"):
        configuration(image(None), tmp_path / "none")
    with pytest.raises(ValueError, match="a configuration needs a path or an env"):
        Config()


# ── monitor


def test_lines_of_docker_stats() -> None:
    line = '\x1b[2J\x1b[H{"CPUPerc":"99.50%","MemUsage":"1.5MiB / 23.5GiB","Name":"x"}'
    assert parse_stats(line) == (99.5, 1572864)
    assert parse_stats('{"CPUPerc":"--","MemUsage":"-- / --"}') is None
    assert parse_stats('{"CPUPerc":"0.00%","MemUsage":"0B / 0B"}') is None
    assert parse_stats("") is None


def test_the_summary() -> None:
    usage = Usage([50.0, 150.0], [2**20, 3 * 2**30], [2**30], 4.0)
    assert used(usage) == (
        "4.0 s, 2 samples; CPU 100 % (at most 150 %) of a core; memory at most 3.00 GiB; "
        "GPU memory at most 1.00 GiB, of all programs"
    )
    assert used(Usage(seconds=0.1)) == "0.1 s; no sample: it ended too soon"


# ── options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"root": MACHINES}, "nothing can be started on the machine of --root"),
        ({"detach": True, "monitor": True}, "--monitor cannot be combined"),
        ({"wait": True, "monitor": True}, "--monitor cannot be combined"),
        ({"detach": True, "timeout": 1.0}, "--timeout cannot be combined with --detach"),
        ({"with_": ["camera"]}, "unknown group 'camera'"),
        ({"without": ["camera"]}, "unknown group 'camera'"),
        ({"with_": ["usb"], "without": ["usb", "gpu"]}, "--with usb and --without usb cannot be combined"),
    ],
)
def test_options_that_cannot_be_combined(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgebakeError, match=message):
        RunOptions("demo", **options)


def test_options_that_can() -> None:
    RunOptions("demo", wait=True, timeout=1.0, with_=["usb"], without=["gpu"])
    RunOptions("demo", root=MACHINES, dry_run=True)
    RunOptions("demo", timeout=1.0, monitor=True)


def test_a_container_without_a_name_gets_one_once() -> None:
    options = RunOptions("localhost:5000/Acme/Detector:1.0", ["sh"], publish=["80:80"])
    assert re.fullmatch(r"edgebake-detector-[0-9a-f]{6}", options.request.name)
    assert options.request is options.request
    assert (options.request.command, options.request.publish, options.request.own_name) == (
        ("sh",),
        ("80:80",),
        False,
    )
    named = RunOptions("demo", container="one", detach=True).request
    assert (named.name, named.own_name, named.detach, named.terminal) == ("one", True, True, False)
