"""Compose files: what services become on each target, and what is refused, with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake.compose.file import committed_files, compose_file
from edgebake.compose.placed import left_out_of, services_of
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import compile_workspace
from edgebake.templating.quote import compose_string, compose_template
from edgebake.templating.yaml_file import Commented, render_yaml
from integration.projects import AMD64, BOARD, CPU, Project, make_project, recipe

SERVER = {
    "name": "server-1.0",
    "family": "cuda",
    "summary": "A GPU server",
    "platforms": [AMD64],
    "base": {"image": "ubuntu:24.04"},
    "os": "ubuntu:24.04",
    "cuda": "12.8",
    "python": "3.12",
    "sm": ["90"],
    "cuda_flavour": "x86",
    "tag_suffix": "s1",
}
WEB = recipe(
    "web",
    runtime={
        "cmd": ["web", "--tag=${TAG}"],
        "expose": ["8000", "9000/udp"],
        "healthcheck": {"cmd": ["sh", "-c", "test ${TAG} = $HOME"], "interval": "5"},
    },
)
HEAD = """\
registry: ghcr.io/acme/robot
variables: {PORT: "8080"}
images:
  web: {recipes: web, targets: ["*"]}
  store: {recipes: store, targets: cpu}
  gpu: {recipes: gpu, targets: ["board-1.0", "server-1.0", cpu]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    own = make_project(tmp_path, targets=(CPU, BOARD, SERVER))
    for one in (WEB, recipe("store"), recipe("gpu", runtime={"gpu": "true"})):
        own.recipe(**one)
    return own


def services(project: Project, text: str, target: str = "cpu", *names: str, folder: str = ".") -> dict[str, Any]:
    """Return the services of a Compose file as YAML's reader has them."""
    return whole(project, text, target, *names, folder=folder)["services"]


def whole(project: Project, text: str, target: str = "cpu", *names: str, folder: str = ".") -> dict[str, Any]:
    project.write({"edgebake.yaml": HEAD + text})
    compilation = compile_workspace(project.open())
    file = compose_file(compilation, target, services_of(compilation, names), folder, "edgebake compose")
    loaded: dict[str, Any] = yaml.safe_load(file.text)
    return loaded


def refused(project: Project, text: str, target: str = "cpu") -> str:
    with pytest.raises(EdgebakeError) as told:
        services(project, text, target)
    return str(told.value)


def at(text: str, marked: str) -> str:
    """Return the position of `marked` in the project file that `text` belongs to."""
    before = (HEAD + text)[: (HEAD + text).index(marked)]
    return f"edgebake.yaml:{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"


# ── what a service becomes


def test_images_carry_the_variables_of_the_bake_file(project: Project) -> None:
    found = services(project, "services: {web: {}}\n")
    assert found["web"]["image"] == "${REGISTRY:-ghcr.io/acme/robot}/web:${TAG:-dev}-cpu"


def test_a_health_check_is_the_recipe_s_and_nothing_in_it_is_filled_in(project: Project) -> None:
    check = services(project, "services: {web: {}}\n")["web"]["healthcheck"]
    assert check["test"] == ["CMD", "sh", "-c", "test $${TAG} = $$HOME"]
    assert (check["interval"], check["timeout"], check["retries"]) == ("5s", "10s", 3)


def test_texts_of_the_project_take_its_variables_and_no_others(project: Project) -> None:
    text = 'services: {web: {environment: {A: "${PORT} ${HOME} $5"}, ports: "127.0.0.1:${PORT}:8000"}}\n'
    web = services(project, text)["web"]
    assert web["environment"] == {"A": "${PORT:-8080} $${HOME} $$5"}
    assert web["ports"] == [
        {"target": 8000, "published": "${PORT:-8080}", "host_ip": "127.0.0.1", "protocol": "tcp"}
    ]


def test_paths_are_relative_to_the_file(project: Project) -> None:
    project.write({"conf/a.conf": "", "data/x": ""})
    text = """\
services:
  web:
    files: {conf/a.conf: /etc/a.conf}
    volumes: ["./data:/data", "state:/state", "/:/host:ro,rslave"]
"""
    mounts = services(project, text, folder="bake/cpu")["web"]["volumes"]
    assert [mount["source"] for mount in mounts] == ["../../data", "state", "/", "../../conf/a.conf"]
    assert [mount.get("read_only", False) for mount in mounts] == [False, False, True, True]
    assert mounts[2]["bind"] == {"create_host_path": False, "propagation": "rslave"}
    assert whole(project, text)["volumes"] == {"state": {"driver": "local"}}
    assert services(project, text)["web"]["volumes"][3]["source"] == "./conf/a.conf"


def test_limits_replicas_and_rights(project: Project) -> None:
    text = "services: {web: {replicas: 3, limits: {memory: 512M, cpus: 0.5, pids: 64}, stop_grace_period: 20}}\n"
    web = services(project, text)["web"]
    assert web["deploy"] == {
        "replicas": 3,
        "resources": {"limits": {"cpus": "0.5", "memory": "512M", "pids": 64}},
    }
    assert web["cap_drop"] == ["ALL"]
    assert web["security_opt"] == ["no-new-privileges:true"]
    assert web["stop_grace_period"] == "20s"
    assert web["restart"] == "unless-stopped"


def test_a_dependency_waits_for_health_where_it_can_be_told(project: Project) -> None:
    text = "services: {web: {}, store: {}, gpu: {depends_on: [web, store]}}\n"
    assert services(project, text)["gpu"]["depends_on"] == {
        "web": {"condition": "service_healthy"},
        "store": {"condition": "service_started"},
    }


def test_a_dependency_that_is_not_on_the_target_is_not_waited_for(project: Project) -> None:
    text = "services: {web: {depends_on: gpu}, gpu: {targets: 'board-*'}}\n"
    assert "depends_on" not in services(project, text)["web"]
    assert list(services(project, text, "board-1.0")) == ["web", "gpu"]


def test_ports_that_do_not_meet_are_published_side_by_side(project: Project) -> None:
    text = """\
services:
  web: {ports: ["127.0.0.1:80:1", "127.0.0.2:80:1", "80:1/udp", "1", "1"]}
  gpu: {ports: "127.0.0.1:80:2", targets: "board-*"}
  store: {ports: "127.0.0.1:80:3", targets: "server-*", target: cpu}
"""
    assert [port.get("published") for port in services(project, text)["web"]["ports"]] == [
        "80",
        "80",
        "80",
        None,
        None,
    ]
    assert "both publish the port 80" in refused(project, text, "board-1.0")


def test_a_secret_is_only_a_reference(project: Project) -> None:
    text = """\
services: {web: {secrets: [token, key]}}
secrets: {token: {env: API_TOKEN}, key: {file: secrets/key}}
"""
    found = whole(project, text, folder="bake/cpu")
    assert found["secrets"] == {"key": {"file": "../../secrets/key"}, "token": {"environment": "API_TOKEN"}}
    assert found["services"]["web"]["secrets"] == ["token", "key"]


# ── the GPU, by target


def test_a_server_reserves_devices(project: Project) -> None:
    gpu = services(project, "services: {gpu: {limits: {memory: 1G}}}\n", "server-1.0")["gpu"]
    reserved = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert gpu["deploy"]["resources"] == {"limits": {"memory": "1G"}, "reservations": {"devices": [reserved]}}
    assert "runtime" not in gpu


def test_a_jetson_takes_nvidia_s_runtime(project: Project) -> None:
    gpu = services(project, "services: {gpu: {environment: {NVIDIA_VISIBLE_DEVICES: '0'}}}\n", "board-1.0")["gpu"]
    assert gpu["runtime"] == "nvidia"
    assert gpu["environment"] == {
        "NVIDIA_VISIBLE_DEVICES": "0",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,graphics,video",
    }
    assert "deploy" not in gpu


@pytest.mark.parametrize(
    ("gpu", "devices"),
    [
        ("{access: cdi}", ["nvidia.com/gpu=all"]),
        ("{access: cdi, count: 2}", ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]),
        ("{access: cdi, devices: [GPU-1a]}", ["nvidia.com/gpu=GPU-1a"]),
    ],
)
def test_a_cdi_device_stands_among_the_devices(project: Project, gpu: str, devices: list[str]) -> None:
    text = f"services: {{gpu: {{gpu: {gpu}, devices: /dev/video0}}}}\n"
    assert services(project, text, "board-1.0")["gpu"]["devices"] == ["/dev/video0", *devices]


def test_some_gpus_of_a_server(project: Project) -> None:
    def reserved(gpu: str) -> Any:
        found = services(project, f"services: {{gpu: {{gpu: {gpu}}}}}\n", "server-1.0")["gpu"]
        return found["deploy"]["resources"]["reservations"]["devices"][0]

    assert reserved("{count: 2}") == {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}
    assert reserved("{devices: '1'}") == {"driver": "nvidia", "device_ids": ["1"], "capabilities": ["gpu"]}


def test_without_a_gpu_none_is_asked_for_and_that_is_told(project: Project) -> None:
    project.write({"edgebake.yaml": HEAD + "services: {gpu: {}, web: {gpu: true}}\n"})
    compilation = compile_workspace(project.open())
    file = compose_file(compilation, "cpu", services_of(compilation), ".", "x")
    assert "nvidia" not in file.text
    assert file.notes == ["the service 'gpu' needs a GPU, but 'cpu' has none"]
    assert "deploy" not in services(project, "services: {gpu: {gpu: false}}\n", "server-1.0")["gpu"]


# ── which services, which targets


def test_a_name_brings_what_it_needs(project: Project) -> None:
    text = "services: {store: {}, web: {depends_on: store}, other: {image: web}, gpu: {}}\n"
    assert list(services(project, text, "cpu", "gpu")) == ["gpu"]
    assert list(services(project, text, "cpu", "web")) == ["store", "web"]
    assert list(services(project, text, "cpu", "other")) == ["other"]


def test_an_image_is_named_for_all_services_that_run_it(project: Project) -> None:
    text = "services: {a: {image: web}, b: {image: web}, gpu: {}}\n"
    assert list(services(project, text, "cpu", "web")) == ["a", "b"]


def test_images_without_services_are_services_of_their_own(project: Project) -> None:
    found = services(project, "", "cpu", "web")
    assert [(port["host_ip"], port["published"], port["protocol"]) for port in found["web"]["ports"]] == [
        ("127.0.0.1", "8000", "tcp"),
        ("127.0.0.1", "9000", "udp"),
    ]


def test_each_target_with_all_images_has_a_committed_file_and_the_others_are_told(project: Project) -> None:
    text = "services: {web: {}, gpu: {targets: 'board-*'}, store: {target: cpu, targets: cpu}}\n"
    project.write({"edgebake.yaml": HEAD + text})
    compilation = compile_workspace(project.open())
    files = dict(committed_files(compilation))
    assert list(files) == ["board-1.0/compose.yaml", "cpu/compose.yaml", "server-1.0/compose.yaml"]
    assert list(yaml.safe_load(files["cpu/compose.yaml"])["services"]) == ["web", "store"]

    project.write({"edgebake.yaml": HEAD + "services: {web: {}, store: {}}\n"})
    compilation = compile_workspace(project.open())
    assert list(dict(committed_files(compilation))) == ["cpu/compose.yaml"]
    left_out = left_out_of(compilation.workspace, compilation.graph.bake_targets)
    assert [(out.what, out.reason) for out in left_out] == [
        ("the Compose file for board-1.0", "no image is built there for: store"),
        ("the Compose file for server-1.0", "no image is built there for: store"),
    ]


def test_a_recipe_on_the_command_line_has_no_services(project: Project) -> None:
    project.write({"edgebake.yaml": HEAD + "services: {web: {}}\n"})
    compilation = compile_workspace(project.open().with_image("one", ["store"], ["cpu"]))
    assert list(committed_files(compilation)) == []


# ── what is refused


@pytest.mark.parametrize(
    ("text", "marked", "says"),
    [
        ("services: {nothing: {}}\n", "nothing", "undefined image 'nothing'"),
        ("services: {a: {image: wep}}\n", "wep", "undefined image 'wep'"),
        ("services: {web: {reference: redis}}\n", "redis", "use a tag other than latest"),
        ("services: {web: {reference: 'redis:latest'}}\n", "'redis:", "use a tag other than latest"),
        ("services: {a: {image: web, reference: 'redis:7'}}\n", "reference", "cannot be combined"),
        ("services: {web: {depends_on: db}}\n", "db", "undefined service 'db'"),
        (
            "services: {web: {depends_on: gpu}, gpu: {depends_on: web}}\n",
            "web}}",
            "services wait for each other: web → gpu → web",
        ),
        ("services: {web: {ports: '80:99999'}}\n", "'80:", "is not a port"),
        ("services: {web: {ports: '${PORT-1}:80'}}\n", "'${PORT-", "is not a port"),
        ("services: {web: {ports: '80:80', replicas: 2}}\n", "'80:", "2 replicas cannot share the host's port 80"),
        ("services: {web: {ports: '80:1'}, gpu: {ports: '80:2'}}\n", "'80:2", "both publish the port 80"),
        (
            "services: {web: {ports: '80:1'}, gpu: {ports: '127.0.0.1:80:2'}}\n",
            "'127.0",
            "'web' and 'gpu' both publish the port 80",
        ),
        (
            "services: {web: {network: host, ports: '80'}}\n",
            "ports",
            "ports and network: host cannot be combined",
        ),
        ("services: {web: {volumes: '../x:/x'}}\n", "'../x", "is not a volume name, a folder of the project"),
        ("services: {web: {volumes: 'x:/x:rw:z'}}\n", "'x:/x", "is not a mount"),
        ("services: {web: {volumes: 'x:/x', tmpfs: /x}}\n", "'x:/x", "two mounts have the same path '/x'"),
        ("services: {web: {files: {conf/none: /x}}}\n", "/x}", "mounts 'conf/none', which does not exist"),
        ("services: {web: {limits: {memory: lots}}}\n", "lots", "is not a size"),
        ("services: {web: {limits: {cpus: 0}}}\n", "0}", "is not a number of CPUs"),
        ("services: {web: {limit: {cpus: 1}}}\n", "limit", "unknown key 'limit'"),
        ("services: {web: {secrets: token}}\n", "token", "undefined secret 'token'"),
        (
            "services: {web: {secrets: t, read_only: true}}\nsecrets: {t: {env: T}}\n",
            "t, read",
            "a read-only service cannot read the secret 't' from a variable",
        ),
        ("secrets: {t: {env: T, file: t}}\n", "t: {", "exactly one of env and file"),
        ("services: {Web: {}}\n", "Web", "is not a valid service name"),
        ("services: {web: {gpu: {count: 1, devices: '0'}}}\n", "count", "cannot be combined"),
        ("services: {gpu: {depends_on: {store: healthy}}, store: {}}\n", "healthy", "has no health check"),
    ],
)
def test_a_mistake_is_told_with_its_place(project: Project, text: str, marked: str, says: str) -> None:
    told = refused(project, text)
    assert says in told
    assert told.startswith(at(text, marked)), told


def test_an_image_that_is_not_built_for_the_target_is_told_with_what_would_do(project: Project) -> None:
    told = refused(project, "services: {web: {}, store: {}}\n", "board-1.0")
    assert "its image 'store' is not built for 'board-1.0'" in told
    assert "it is built for: cpu" in told
    assert re.match(r"edgebake.yaml:\d+:\d+: ", told)


def test_an_image_for_another_architecture_is_refused(project: Project) -> None:
    text = "services: {web: {}, gpu: {target: server-1.0}}\n"
    told = refused(project, text, "board-1.0")
    assert "(linux/arm64), but its image for 'server-1.0' is built for linux/amd64" in told
    assert told.startswith(at(text, "server-1.0}}"))


# ── the text


def test_a_compose_text_doubles_dollars_but_for_known_variables() -> None:
    assert compose_string("${TAG} $x $$") == '"$${TAG} $$x $$$$"'
    assert compose_template("$${TAG}-$x", {"TAG": "dev"}) == '"$$${TAG:-dev}-$$x"'
    assert compose_template("${TAG}", {"TAG": ""}) == '"${TAG:?it has no default}"'


@pytest.mark.parametrize("default", ["a}", "$x", "{"])
def test_a_default_that_compose_would_misread_is_refused(default: str) -> None:
    with pytest.raises(EdgebakeError, match="cannot be written in a Compose file"):
        compose_template("${TAG}", {"TAG": default})


WORDS = [
    "on",
    "Off",
    "yes",
    "~",
    "null",
    "1.0",
    "0x1",
    "1e3",
    "12:30",
    "=",
    "<<",
    "- a",
    "a: b",
    "#",
    "",
    "é",
    "a\nb",
    ".",
    "true",
    "y",
]


@pytest.mark.parametrize("word", WORDS)
def test_yaml_s_reader_gives_texts_back(word: str) -> None:
    values = {word or "empty": {"text": word, "list": [word, {"a": word, "b": [word]}], "number": 3, "flag": True}}
    assert yaml.safe_load(render_yaml(values)) == values


def test_what_is_empty_is_left_out() -> None:
    assert render_yaml({"a": {}, "b": {"c": [], "d": {"e": {}}}, "f": ""}) == 'f: ""\n'


def test_a_comment_stands_above_its_key() -> None:
    assert render_yaml({"a": {"b": Commented("c", "why")}}) == "a:\n  # why\n  b: c\n"
