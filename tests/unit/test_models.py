"""Recipes, targets and projects as models: what loads, what is refused, and how that reads."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from edgebake.errors import EdgebakeError
from edgebake.load.document import load_document
from edgebake.load.python_recipe import call_releases, load_python_recipe
from edgebake.load.validate import validate
from edgebake.model.condition import FACT_NAMES
from edgebake.model.project import Project
from edgebake.model.recipe import Recipe
from edgebake.model.requirement import Requirement, parse_requirement
from edgebake.model.target import Target

Load = Callable[..., Any]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads a text as a model from a file that messages call `f.yaml` (or as named)."""

    def load(model: type[BaseModel], content: str, name: str = "f.yaml") -> Any:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        if path.suffix == ".py":
            return load_python_recipe(path, name)[0]
        return validate(model, load_document(path, name))

    return load


def told(load: Load, model: type[BaseModel], content: str, name: str = "f.yaml") -> str:
    """Return the whole text of the error that a file gets."""
    with pytest.raises(EdgebakeError) as caught:
        load(model, content, name)
    return str(caught.value)


def table(text: str) -> list[tuple[str, str]]:
    """Return pairs of what is written and what comes of it: `=> ` between them, `---` behind each."""
    pairs = (entry.split("\n=> ") for entry in text.strip("\n").split("\n---\n"))
    return [(f"{content}\n", message) for content, message in pairs]


RECIPE = "name: x\nsummary: A recipe\n"
TARGET = """\
name: t
family: cpu
summary: A target
platforms: [linux/amd64]
base: {image: "debian:12"}
os: debian:12
tag_suffix: t
"""
IMAGE = "images:\n  app: {recipes: [a], targets: [cpu]}\n"

# ── the examples of the language's reference

PYTORCH = """\
name: pytorch
summary: Tensors and dynamic neural networks with GPU acceleration
group: ml
layer: framework
homepage: https://pytorch.org
license: BSD-3-Clause
aliases: [torch]

requires: [python, numpy]

releases:
  - version: "2.7.1"
    variants:
      - when: {family: jetpack, cuda: ">=12.6,<13", python: "3.10"}
        requires: ["cudnn>=9.3"]
        pip_index: https://pypi.jetson-ai-lab.io/jp6/cu126
        pip: ["torch==2.7.1"]
      - when: {family: [cuda, sbsa], cuda: [12.6, 12.8]}
        pip_index: "https://download.pytorch.org/whl/cu{{ cuda.nodot }}"
        pip: ["torch==2.7.1"]
      - when: {cuda: none}
        pip: ["torch==2.7.1"]
  - version: "2.1.0"
    variants:
      - when: {family: jetpack, jetpack: 5}
        pip: ["torch @ https://developer.download.nvidia.com/torch-2.1.0a0+41361538.nv23.06-cp38-cp38-linux_aarch64.whl"]

env:
  TORCH_CUDA_ARCH_LIST: "{{ sm | dotted }}"

test:
  script: test.py
  timeout: 120
bench: {script: bench.py, files: [data], timeout: 600, gpu: false}
sources: [https://pytorch.org/get-started/previous-versions/]
"""

LLAMA_CPP = f"""\
name: llama-cpp
summary: Language models on small machines
versioning: opaque
args: {{JOBS: "4"}}
releases:
  - version: b5046
    default: true
    args: {{TAG: "{{{{ version }}}}"}}
  - version: b5000
    when: {{any: [{{cuda: none}}, {{cuda: ">=12", sm: ">=87"}}], host_libraries: false}}
flavours: [server, cli]
provides: [llm-server]
conflicts: [ollama]
build:
  runs_on: build-platform
  tools: [build-essential, cmake, ninja]
  libraries: [openblas]
  apt: [libcurl4-openssl-dev]
  sources:
    - git: https://github.com/ggml-org/llama.cpp
      ref: b5046
      commit: {"a" * 40}
    - git: git@github.com:acme/patches.git
      ref: main
      to: patches
    - url: "https://example.org/{{{{ version }}}}.tar.gz"
      sha256: {"b" * 64}
    - path: src
  script: build.sh
  caches: [ccache]
  env: {{CMAKE_GENERATOR: Ninja}}
  timeout: 3600
install:
  apt: [libgomp1, libcurl4]
  artifacts: {{"/": "/usr/local"}}
  files: {{config.json: /etc/llama/}}
  path: [/usr/local/bin]
sysroot: {{apt: [libllama-dev]}}
bench: {{script: bench.py, timeout: 60}}
runtime:
  entrypoint: [llama-server]
  cmd: [--port, 8080]
  expose: [8080, 9000/udp]
  user: app
  workdir: /srv
  volumes: /models
  gpu: false
  stop_signal: SIGINT
  healthcheck: {{cmd: [curl, -f, localhost], interval: 10, timeout: 5, start_period: 0, retries: 2}}
lint: {{ignore: {{root-user: it configures the network}}}}
"""

JETPACK = """\
name: jetpack-6.2
family: jetpack
summary: JetPack 6.2 (L4T 36.4.3) on Jetson Orin
platforms: [linux/arm64]
base: {image: "ubuntu:22.04"}
os: ubuntu:22.04
l4t: 36.4.3
jetpack: "6.2"
cuda: "12.6"
cudnn: 9.3.0
tensorrt: 10.3.0
python: "3.10"
sm: ["87"]
cuda_flavour: tegra
host_libraries: false
memory: shared
tag_suffix: jp6.2-cu126
sources: [https://developer.nvidia.com/embedded/jetpack-sdk-62]
"""

PROJECT = """\
registry: ghcr.io/acme
recipes: [./recipes]
mirrors:
  debian: localhost:5000/debian
images:
  detector:
    recipes: [onnxruntime, opencv, ./app]
    targets: [cpu, jetpack-6.2, cuda-12.8]
    tags: ["${TAG}-{{ target.tag_suffix }}"]
    indexes:
      "${TAG}": {linux/amd64: cuda-12.8, linux/arm64: jetpack-6.2}
  ai-workstation:
    recipes: [pytorch, transformers, opencv, "ros[desktop]:humble"]
    targets: ["jetpack-6.*"]
"""


def test_the_pytorch_example(load: Load) -> None:
    recipe = load(Recipe, PYTORCH)
    assert recipe.requires == (Requirement("python"), Requirement("numpy"))
    first, second = recipe.releases
    assert [len(first.variants), len(second.variants)] == [3, 1]
    assert first.variants[0].pip_index == ("https://pypi.jetson-ai-lab.io/jp6/cu126",)
    assert first.variants[1].when.as_data() == {"cuda": ["12.6", "12.8"], "family": ["cuda", "sbsa"]}
    assert first.variants[0].requires == (Requirement("cudnn", version=">=9.3"),)
    assert recipe.test.timeout == 120


def test_the_compiling_example_with_every_other_key_of_a_recipe(load: Load) -> None:
    recipe = load(Recipe, LLAMA_CPP)
    assert recipe.releases[0].default is True
    assert recipe.build.sources[0].commit == "a" * 40
    assert recipe.install.artifacts == {"/": "/usr/local"}
    assert recipe.runtime.volumes == ("/models",)
    assert recipe.runtime.healthcheck.start_period == 0
    assert recipe.lint.ignore == {"root-user": "it configures the network"}
    known = yaml.safe_load(LLAMA_CPP).keys() | yaml.safe_load(PYTORCH).keys()
    assert known == Recipe.model_fields.keys(), "the two examples together have every key of a recipe"


def test_the_target_example(load: Load) -> None:
    target = load(Target, JETPACK)
    assert (target.python, target.sm, target.host_libraries) == ("3.10", ("87",), False)
    assert str(target.version("cudnn")) == "9.3.0"


def test_the_project_example(load: Load) -> None:
    project = load(Project, PROJECT)
    assert project.recipes == ("recipes",)
    assert project.images["detector"].indexes == {
        "${TAG}": {"linux/amd64": "cuda-12.8", "linux/arm64": "jetpack-6.2"}
    }
    assert project.images["ai-workstation"].tags == ("${TAG}-{{ target.tag_suffix }}",)


# ── three front ends, one model

PYTHON_TWINS = [
    (
        {
            "name": "x",
            "summary": "s",
            "releases": [{"version": "3.10", "when": {"cuda": ">=12", "sm": ["87", "90a"]}}],
        },
        (
            "Recipe(name='x', summary='s',"
            " releases=[Release(version='3.10', when=when({'cuda': '>=12', 'sm': ['87', '90a']}))])"
        ),
    ),
    (
        {
            "name": "x",
            "summary": "s",
            "requires": "python>=3.10",
            "build": {
                "runs_on": "build-platform",
                "script": "./build.sh",
                "timeout": "60",
                "sources": [{"path": "src"}],
            },
            "install": {"artifacts": {"/": "/usr"}},
            "runtime": {"gpu": "true", "healthcheck": {"cmd": ["a"], "retries": "2"}},
            "test": {"script": "t.py"},
        },
        (
            "Recipe(name='x', summary='s', requires='python>=3.10',"
            " build=Build(runs_on='build-platform', script='./build.sh', timeout=60, sources=[Source(path='src')]),"
            " install=Install(artifacts={'/': '/usr'}),"
            " runtime=Runtime(gpu=True, healthcheck=HealthCheck(cmd=['a'], retries=2)), test=Test(script='t.py'))"
        ),
    ),
    (
        {
            "name": "x",
            "summary": "s",
            "releases": [{"version": "1", "variants": [{"pip": "a", "env": {"A": ""}}, {}]}],
        },
        (
            "Recipe(name='x', summary='s', releases=[Release(version='1',"
            " variants=[Variant(pip=['a'], env={'A': ''}), Variant()])])"
        ),
    ),
]


@pytest.mark.parametrize(("data", "python"), PYTHON_TWINS)
def test_yaml_json_and_python_give_equal_models(load: Load, data: dict[str, Any], python: str) -> None:
    from_yaml = load(Recipe, yaml.safe_dump(data), "recipe.yaml")
    from_json = load(Recipe, json.dumps(data), "recipe.json")
    from_python = load(Recipe, f"from edgebake.recipe import *\nrecipe = {python}\n", "recipe.py")
    assert from_yaml == from_json == from_python


@pytest.mark.parametrize("content", [PYTORCH, LLAMA_CPP])
def test_the_json_twin_of_an_example_is_equal(load: Load, content: str) -> None:
    data = yaml.load(content, Loader=yaml.BaseLoader)
    assert load(Recipe, content) == load(Recipe, json.dumps(data), "f.json")


def test_a_recipe_dumped_as_json_loads_as_itself(load: Load) -> None:
    recipe = load(Recipe, PYTORCH)
    dumped = json.dumps(recipe.model_dump(mode="json", exclude_defaults=True))
    assert load(Recipe, dumped, "f.json") == recipe


# ── unknown keys


UNKNOWN_KEYS = r"""
Recipe
requries: [a]
=> f.yaml:3:1: unknown key 'requries'

hint: did you mean 'requires'?
---
Recipe
releases:
  - version: 1
    defualt: true
=> f.yaml:5:5: unknown key 'defualt' in releases[0]

hint: did you mean 'default'?
---
Recipe
releases: [{version: 1, variants: [{wen: {cuda: none}}]}]
=> f.yaml:3:37: unknown key 'wen' in releases[0].variants[0]

hint: did you mean 'when'?
---
Recipe
build: {runs_on: build-platform, script: b.sh, sources: [{gti: x}]}
=> f.yaml:3:59: unknown key 'gti' in build.sources[0]

hint: did you mean 'git'?
---
Recipe
runtime: {healthcheck: {cmd: [a], intervall: 3}}
=> f.yaml:3:35: unknown key 'intervall' in runtime.healthcheck

hint: did you mean 'interval'?
---
Recipe
test: {script: t.py, qqq: 1}
=> f.yaml:3:22: unknown key 'qqq' in test

hint: the valid keys are: files, gpu, script, timeout
---
Recipe
releases: [{version: 1, when: {cudda: 12}}]
=> f.yaml:3:32: releases[0].when: 'cudda' is not a fact of a target

hint: did you mean 'cuda'?
---
Recipe
releases: [{version: 1, when: {any: [{cuda: 12}, {fmily: x}]}}]
=> f.yaml:3:51: releases[0].when.any[1]: 'fmily' is not a fact of a target

hint: did you mean 'family'?
---
Target
cuda_flavor: x86
=> f.yaml:8:1: unknown key 'cuda_flavor'

hint: did you mean 'cuda_flavour'?
---
Project
images:
  app:
    recipes: [a]
    targets: [cpu]
    platform: x
=> f.yaml:5:5: unknown key 'platform' in images.app

hint: did you mean 'platforms'?
---
Project
variables: {A: {defalt: x}}
=> f.yaml:1:17: unknown key 'defalt' in variables.A

hint: did you mean 'default'?
---
Project
images: {a: {recipes: [b], targets: [cpu], runtime: {usr: x}}}
=> f.yaml:1:54: unknown key 'usr' in images.a.runtime

hint: did you mean 'user'?
"""


@pytest.mark.parametrize(("content", "message"), table(UNKNOWN_KEYS))
def test_an_unknown_key_is_told_with_the_nearest(load: Load, content: str, message: str) -> None:
    kind, own = content.split("\n", 1)
    model, needed = {"Recipe": (Recipe, RECIPE), "Target": (Target, TARGET), "Project": (Project, "")}[kind]
    assert told(load, model, needed + own) == message


def test_an_unknown_key_in_a_targets_base(load: Load) -> None:
    message = told(load, Target, TARGET.replace("{image:", "{imgae: x, image:"))
    assert message == "f.yaml:5:8: unknown key 'imgae' in base\n\nhint: did you mean 'image'?"


def test_an_unknown_key_that_is_near_to_none_lists_all(load: Load) -> None:
    message = told(load, Recipe, RECIPE + "zzz: 1\n")
    assert message.startswith("f.yaml:3:1: unknown key 'zzz'\n\nhint: the valid keys are: aliases, args, ")
    assert set(re.split(r"[:,] ", message.split("are")[1])) - {""} == set(Recipe.model_fields)


# ── every model, field by field


def models_in(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the models that the fields of a model are of, by field."""

    def of(kind: Any) -> type[BaseModel] | None:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        return next((found for one in get_args(kind) if (found := of(one))), None)

    return {name: found for name, field in model.model_fields.items() if (found := of(field.annotation))}


IN_LIST = {"releases", "variants", "sources"}
IN_MAPPING = {"images", "variables"}
NEEDED = {
    "releases": {"version": "1"},
    "build": {"runs_on": "build-platform", "script": "b.sh"},
    "healthcheck": {"cmd": ["a"]},
    "test": {"script": "t.py"},
    "images": {"recipes": ["a"], "targets": ["cpu"]},
    "base": {"image": "debian:12"},
}


def every_field(model: type[BaseModel], inside: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of every field of a model and of the models in it."""
    found = [(*inside, name) for name in model.model_fields]
    for name, inner in models_in(model).items():
        if name not in inside:
            found += every_field(inner, (*inside, name))
    return found


def with_field(path: tuple[str, ...], value: Any) -> Any:
    """Return data that has a value at a path of fields, and what is needed around it."""
    name, *rest = path
    if not rest:
        return {name: value}
    inner = {**NEEDED.get(name, {}), **with_field(tuple(rest), value)}
    if name in IN_LIST:
        return {name: [inner]}
    return {name: {"app" if name == "images" else "A": inner} if name in IN_MAPPING else inner}


BASES = {Recipe: yaml.safe_load(RECIPE), Target: yaml.safe_load(TARGET), Project: {}}
FIELDS = [(model, path) for model in BASES for path in every_field(model)]
JARGON = re.compile(
    r"[Ii]nput should|[Ii]nput is|tuple\[|function-|constrained|Value error|dictionary|instance|pydantic|type="
    r"|\bstr\b|NoneType|callable|Recipe\b|ValidationError|nullable"
)


@pytest.mark.parametrize(("model", "path"), FIELDS, ids=[f"{m.__name__}.{'.'.join(p)}" for m, p in FIELDS])
def test_a_field_of_a_wrong_kind_reads_well(load: Load, model: type[BaseModel], path: tuple[str, ...]) -> None:
    refused = 0
    wrong = ["\x01", {"a": {"b": "c"}}, ["a", {"b": "c"}], [["a"]], "", "-1", [], {}, "a\nb", {"${a}": "b"}]
    for value in wrong:
        content = json.dumps({**BASES[model], **with_field(path, value)})
        try:
            load(model, content, "f.json")
        except EdgebakeError as error:
            refused += 1
            text = str(error)
            assert not JARGON.search(text), text
            assert re.match(r"f\.json:1:\d+: ", text), text
            assert all(line.startswith(("f.json:", "hint: ", "")) for line in text.splitlines()), text
    assert refused >= 2


@pytest.mark.parametrize(("model", "path"), FIELDS, ids=[f"{m.__name__}.{'.'.join(p)}" for m, p in FIELDS])
def test_an_empty_value_is_told(load: Load, model: type[BaseModel], path: tuple[str, ...]) -> None:
    content = yaml.safe_dump({**BASES[model], **with_field(path, "@@")}).replace("'@@'", "")
    message = told(load, model, content)
    assert re.match(rf"f\.yaml:\d+:\d+: .*{path[-1]}: has no value\n\nhint: ", message), message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("requires:\n", "f.yaml:3:1: requires: has no value"),
        ("env: {A: }\n", "f.yaml:3:7: env.A: has no value"),
        (
            "releases:\n  - version: 1\n    variants:\n      - pip:\n",
            "f.yaml:6:9: releases[0].variants[0].pip: has no value",
        ),
        ("install:\n  apt:\n    - libx\n    -\n", "f.yaml:6:6: install.apt[1]: has no value"),
        ("releases: [{version: 1, when: {cuda: }}]\n", "f.yaml:3:32: releases[0].when.cuda: has no value"),
        ("test:\nbuild:\n", "f.yaml:3:1: test: has no value\n\nf.yaml:4:1: build: has no value"),
    ],
)
def test_where_an_empty_value_stands(load: Load, content: str, message: str) -> None:
    hint = "\n\nhint: write a value, or remove the key; an empty text is ''"
    assert told(load, Recipe, RECIPE + content) == message + hint


def test_null_in_json_is_an_empty_value(load: Load) -> None:
    message = told(load, Recipe, '{"name": "x", "summary": "s",\n "test": null}', "f.json")
    assert message.startswith("f.json:2:2: test: has no value")


# ── values, one by one


BAD_RECIPES = r"""
layer: librari
=> 3:8: layer: 'librari' is not one of 'system', 'toolkit', 'language', 'framework', 'library', 'application'
---
versioning: semver
=> 3:13: versioning: 'semver' is not one of 'pep440', 'opaque'
---
releases: '1'
=> 3:11: releases: must be a list, not '1'
---
releases: {version: 1}
=> 3:1: releases: must be a list
---
releases: ['1']
=> 3:12: releases[0]: must be a mapping, not '1'
---
releases: [{when: {cuda: 12}}]
=> 3:12: the key 'releases[0].version' is missing
---
releases: [{version: 1, default: yes}]
=> 3:34: releases[0].default: must be true or false, not 'yes'
---
releases: [{version: b5}]
=> 3:22: releases[0].version: 'b5' is not a PEP 440 version

hint: for versions without an order, set versioning: opaque
---
releases: [{version: 1}, {version: 2}, {version: 1}]
=> 3:50: releases[2].version: the release '1' is listed twice
---
releases: [{version: 1.0}, {version: 1}]
=> 3:38: releases[1].version: '1' is the same version as '1.0'
---
releases: [{version: 1, default: true}, {version: 2, default: true}]
=> 3:63: releases[1].default: more than one release is the default
---
releases: [{version: 1, when: [a]}]
=> 3:25: releases[0].when: must be a mapping of facts, such as {family: jetpack, cuda: ">=12.6"}
---
releases: [{version: 1, when: {cuda: '>=x'}}]
=> 3:38: releases[0].when.cuda: '>=x' is not a version range (such as >=2.6,<2.8)
---
releases: [{version: 1, when: {cuda: twelve}}]
=> 3:38: releases[0].when.cuda: 'twelve' is not a version (such as 2.7.1)
---
releases: [{version: 1, when: {cuda: {a: b}}}]
=> 3:32: releases[0].when.cuda: must be a value, a list of values, a range, a boolean or none
---
releases: [{version: 1, when: {any: {cuda: 12}}}]
=> 3:32: releases[0].when.any: must be a list of mappings of facts, such as {family: jetpack, cuda: ">=12.6"}
---
releases: [{version: 1, when: {platform: linux/arm}}]
=> 3:42: releases[0].when.platform: 'linux/arm' is not one of linux/amd64, linux/arm64
---
releases: [{version: 1, when: {host_libraries: yes}}]
=> 3:48: releases[0].when.host_libraries: 'yes' is not one of true, false
---
requires: [a, {ros: humble}]
=> 3:15: requires[1]: must be text such as pytorch>=2.6
---
requires: 'a b'
=> 3:11: requires[0]: 'a b' is not a requirement (use name, name:version, name>=1,<2 or name[flavour]:version)
---
requires: ['python>=x']
=> 3:12: requires[0]: '>=x' is not a version range (such as >=2.6,<2.8)
---
requires: ['ros[De]']
=> 3:12: requires[0]: 'De' in 'ros[De]' is not a flavour name
---
test: {script: t.py, timeout: soon}
=> 3:31: test.timeout: must be a whole number, not 'soon'
---
test: {script: t.py, timeout: 1.5}
=> 3:31: test.timeout: must be a whole number, not '1.5'
---
test: {script: t.py, timeout: 0}
=> 3:31: test.timeout: must be more than 0, not 0
---
test: {script: t.py, timeout: 99999}
=> 3:31: test.timeout: must be at most 3600, not 99999
---
bench: {script: b.py, runs: 3}
=> 3:23: unknown key 'runs' in bench

hint: the valid keys are: files, gpu, script, timeout
---
test: t.py
=> 3:7: test: must be a mapping, not 't.py'
---
build: {runs_on: here, script: b.sh}
=> 3:18: build.runs_on: 'here' is not one of 'build-platform', 'target-platform'
---
build: {runs_on: build-platform}
=> 3:1: build: a build stage needs exactly one of script and dockerfile
---
build: {runs_on: build-platform, script: a, sources: [{to: x}]}
=> 3:55: build.sources[0]: a source needs exactly one of git, url and path
---
build: {runs_on: build-platform, script: a, sources: [{git: 'https://x'}]}
=> 3:55: build.sources[0]: a git source needs a ref or a commit
---
build: {runs_on: build-platform, script: a, sources: [{git: 'x y', ref: main}]}
=> 3:61: build.sources[0].git: 'x y' is not a URL
---
build: {runs_on: build-platform, script: a, sources: [{git: 'https://x', commit: abc}]}
=> 3:82: build.sources[0].commit: 'abc' is not a commit (40 hexadecimal digits)
---
build: {runs_on: build-platform, script: a, sources: [{url: 'https://x', sha256: abc}]}
=> 3:82: build.sources[0].sha256: 'abc' is not a SHA-256 digest (64 hexadecimal digits)
---
install: {artifacts: {/: /usr}}
=> 3:11: install.artifacts: artifacts need a build stage
---
install: {apt: ['a b']}
=> 3:17: install.apt[0]: 'a b' is not an apt package (name, name=version or name/suite)
---
env: [A=1]
=> 3:1: env: must be a mapping
---
env:
  A: |
    x
    y
=> 4:6: env.A: 'x\ny\n' contains a line break or another control character
---
env: {A: "a\u2028b"}
=> 3:10: env.A: 'a\u2028b' contains a line break or another control character
---
homepage: pytorch.org
=> 3:11: homepage: 'pytorch.org' is not a URL
---
runtime: {expose: [22:22]}
=> 3:20: runtime.expose[0]: '22:22' is not a port (8000 or 8000/udp)
---
runtime: {cmd: python3 x.py}
=> 3:16: runtime.cmd: must be a list, not 'python3 x.py'
"""


@pytest.mark.parametrize(("content", "message"), table(BAD_RECIPES))
def test_a_bad_value_of_a_recipe(load: Load, content: str, message: str) -> None:
    assert told(load, Recipe, RECIPE + content) == f"f.yaml:{message}"


BAD_TARGETS = r"""
os: debian:12
-> os: fedora:40
=> 6:5: os: unknown C library of 'fedora:40'

hint: supported systems: debian:11, debian:12, debian:13, ubuntu:18.04, ubuntu:20.04, ubuntu:22.04, ubuntu:24.04
---
linux/amd64
-> linux/riscv64
=> 4:13: platforms[0]: 'linux/riscv64' is not a supported platform (linux/amd64 or linux/arm64)
---
[linux/amd64]
-> []
=> 4:1: platforms: must not be empty
---
[linux/amd64]
-> [linux/amd64, linux/amd64]
=> 4:1: platforms: a platform is listed twice
---
{image: "debian:12"}
-> debian:12
=> 5:7: base: must be a mapping, not 'debian:12'
---
tag_suffix: t
-> tag_suffix: a/b
=> 7:13: tag_suffix: 'a/b' cannot be part of a tag
---
tag_suffix: t
-> tag_suffix: t
sm: [8.7]
=> 8:6: sm[0]: '8.7' is not a GPU architecture (87, 90a)
---
tag_suffix: t
-> tag_suffix: t
cuda: 12.6
=> 8:7: cuda: a target with cuda needs cuda_flavour (tegra, sbsa or x86)
"""


@pytest.mark.parametrize(("change", "message"), table(BAD_TARGETS))
def test_a_bad_value_of_a_target(load: Load, change: str, message: str) -> None:
    old, new = change.rstrip("\n").split("\n-> ")
    assert told(load, Target, TARGET.replace(old, new)) == f"f.yaml:{message}"


def test_an_index_over_a_target_that_the_image_is_not_built_for(load: Load) -> None:
    content = "images:\n  app: {recipes: [a], targets: [cpu, jp*], indexes: {latest: {linux/amd64: cuda}}}\n"
    assert told(load, Project, content) == (
        "f.yaml:2:76: images.app.indexes.latest.linux/amd64: the image is not built for the target 'cuda'\n"
        "\n"
        "hint: its targets are: cpu, jp*"
    )


def test_several_mistakes_are_told_together(load: Load) -> None:
    assert told(load, Recipe, "name: X\nsummry: s\n") == (
        "f.yaml:1:7: name: 'X' is not a valid name (use lower-case letters and digits, separated by '.', '_' or '-')\n"
        "\n"
        "f.yaml:1:1: the key 'summary' is missing\n"
        "\n"
        "f.yaml:2:1: unknown key 'summry'\n"
        "\n"
        "hint: did you mean 'summary'?"
    )


def test_a_flood_of_mistakes_is_cut_and_the_rest_counted(load: Load) -> None:
    content = RECIPE + "".join(f"env{i}: x\n" for i in range(2000))
    start = time.process_time()
    message = told(load, Recipe, content)
    assert time.process_time() - start < 5, "only what is told is looked into"
    assert message.count("unknown key") == 10
    assert message.endswith("f.yaml: and 1990 more mistakes")


def test_a_message_is_short_and_moves_no_cursor(load: Load) -> None:
    content = json.dumps({"images": {"\x1b[31m": {"recipes": ["a\x1b[2J" + "x" * 10_000], "targets": ["b"]}}})
    message = told(load, Project, content, "f.json")
    assert message.isprintable() or message.replace("\n", "").isprintable()
    assert len(message) < 1500


# ── names, where they enter

BAD_NAMES = ["a/b", "..", "a..b", "../a", "${A}", "a$b", "'a'", 'a"b', "a\nb", "a\n", "é", "a²", "A", "-a", "a b",
             "", "{{ a }}", "a;b", "a`b", "a\u2028"]  # fmt: skip


def in_recipe(**data: Any) -> str:
    return json.dumps({**yaml.safe_load(RECIPE), **data})


def in_image(**data: Any) -> str:
    return json.dumps({"images": {"app": {"recipes": ["a"], "targets": ["cpu"], **data}}})


NAMES: dict[str, tuple[type[BaseModel], Callable[[str], str]]] = {
    "recipe": (Recipe, lambda bad: in_recipe(name=bad)),
    "group": (Recipe, lambda bad: in_recipe(group=bad)),
    "alias": (Recipe, lambda bad: in_recipe(aliases=[bad])),
    "provided name": (Recipe, lambda bad: in_recipe(provides=[bad])),
    "flavour": (Recipe, lambda bad: in_recipe(flavours=[bad])),
    "requirement": (Recipe, lambda bad: in_recipe(requires=[bad])),
    "target": (Target, lambda bad: json.dumps({**yaml.safe_load(TARGET), "name": bad})),
    "board": (Target, lambda bad: json.dumps({**yaml.safe_load(TARGET), "board": bad})),
    "group of device files": (Target, lambda bad: json.dumps({**yaml.safe_load(TARGET), "groups": [bad]})),
    "image": (Project, lambda bad: json.dumps({"images": {bad: {"recipes": ["a"], "targets": ["cpu"]}}})),
    "target of an index": (Project, lambda bad: in_image(targets=["*"], indexes={"a": {"linux/amd64": bad}})),
}


@pytest.mark.parametrize("bad", BAD_NAMES)
@pytest.mark.parametrize("kind", NAMES)
def test_a_bad_name_is_refused_where_it_enters(load: Load, kind: str, bad: str) -> None:
    model, content = NAMES[kind]
    assert re.match(r"f\.json:1:\d+: ", told(load, model, content(bad), "f.json"))


def in_target(**data: Any) -> str:
    return json.dumps({**yaml.safe_load(TARGET), **data})


def in_project(**data: Any) -> str:
    return json.dumps(data)


OTHER_TEXTS: dict[str, tuple[type[BaseModel], Callable[[str], str], list[str]]] = {
    "environment of a recipe": (
        Recipe,
        lambda bad: in_recipe(env={bad: "x"}),
        ["a-b", "1a", "é", "a b", "", "A=B", "a\nb", "${A}"],
    ),
    "argument": (Recipe, lambda bad: in_recipe(args={bad: "x"}), ["a-b", "a.b", "é", "$(id)"]),
    "environment of an image": (Project, lambda bad: in_image(env={bad: "x"}), ["a-b", "é", 'a"', "A\n"]),
    "variable": (Project, lambda bad: in_project(variables={bad: "x"}), ["a-b", "é", "${A}", ""]),
    "value of the environment": (
        Recipe,
        lambda bad: in_recipe(env={"A": bad}),
        ["a\nb", "\x1b[31m", "a\rb", "a\x00", "a\u2029b", "a\x85b"],
    ),
    "version": (
        Recipe,
        lambda bad: in_recipe(versioning="opaque", releases=[{"version": bad}]),
        ["a b", "é", "${A}", "a/b", "..", 'a"', "a\nb", "", "x" * 101],
    ),
    "script": (
        Recipe,
        lambda bad: in_recipe(test={"script": bad}),
        ["../t.py", "/t.py", "a/../../t.py", "~/t.py", "a\nb", "", "${A}/t.py", "{{ a }}", "..\\t.py"],
    ),
    "file of the recipe": (
        Recipe,
        lambda bad: in_recipe(install={"files": {bad: "/a"}}),
        ["../a", "/a", "a\nb", "${A}"],
    ),
    "folder in the image": (
        Recipe,
        lambda bad: in_recipe(runtime={"workdir": bad}),
        ["a", "/a/../b", "/a\nb", ""],
    ),
    "folder of recipes": (Project, lambda bad: in_project(recipes=[bad]), ["..", "../a", "/a", "a/..", "${A}", ""]),
    "output folder": (
        Project,
        lambda bad: in_project(output=bad),
        [".", "./", "..", "/a", "a b", "é", "a'b", "${A}", ""],
    ),
    "registry": (
        Project,
        lambda bad: in_project(registry=bad),
        ["https://ghcr.io", "ghcr.io/Acme", "${A}", "a b", "é.io", "ghcr.io/", "ghcr.io\n", "", "a:1:2", "b/a:1"],
    ),
    "mirror": (
        Project,
        lambda bad: in_project(mirrors={"debian": bad}),
        ["http://a", "a b", "${A}", 'a"', "a\n"],
    ),
    "what is mirrored": (
        Project,
        lambda bad: in_project(mirrors={bad: "a"}),
        ["a b", "${A}", "é", "a/../b", ""],
    ),
    "repository": (
        Project,
        lambda bad: in_image(repository=bad),
        ["A", "a//b", "a/", "../a", "a:1", "${A}", "é", "a..b"],
    ),
    "tag": (Project, lambda bad: in_project(tag=bad), ["a b", "é", "-a", "a/b", "${A}", "a\n", "", ".a"]),
    "tag of an image": (
        Project,
        lambda bad: in_image(tags=[bad]),
        ["a b", "é", "a/b", "$A", "${A", "a\nb", "", "x" * 129, "a:b"],
    ),
    "tag of an index": (
        Project,
        lambda bad: in_image(indexes={bad: {"linux/amd64": "cpu"}}),
        ["a b", "é", "a/b", ""],
    ),
    "pattern of targets": (
        Project,
        lambda bad: in_image(targets=[bad]),
        ["a b", "é", "../a", "${A}", "a\nb", ""],
    ),
    "base image": (
        Target,
        lambda bad: in_target(base={"image": bad}),
        ["Debian", "debian:", "debian:é", "debian 12", "${BASE}", "debian@sha256:1", "a/../b", "debian:12\n"],
    ),
    "suffix of a tag": (Target, lambda bad: in_target(tag_suffix=bad), ["a b", "é", "a/b", "${A}", ""]),
    "image named like a stage": (
        Project,
        lambda bad: in_project(images={bad: {"recipes": ["a"], "targets": ["b"]}}),
        ["eb-x"],
    ),
}


@pytest.mark.parametrize(
    ("kind", "bad"), [(kind, bad) for kind, (_, _, texts) in OTHER_TEXTS.items() for bad in texts]
)
def test_a_bad_text_is_refused_where_it_enters(load: Load, kind: str, bad: str) -> None:
    model, content, _ = OTHER_TEXTS[kind]
    assert re.match(r"f\.json:1:\d+: ", told(load, model, content(bad), "f.json"))


@pytest.mark.parametrize(
    "content",
    [
        in_image(tags=["${TAG}", "latest", "${TAG}-{{ target.tag_suffix }}", "{{ cuda.nodot }}_x"]),
        in_image(repository="team/app"),
        json.dumps({"registry": "localhost:5000"}),
        json.dumps({"registry": "registry.example.org:443/a/b-c/d_e"}),
        json.dumps({"mirrors": {"nvcr.io": "localhost:5000/nvcr", "docker.io/library": "mirror.local"}}),
        json.dumps({"output": "build/bake", "recipes": "./recipes", "targets": ["a", "b/c"]}),
        json.dumps({"images": {"a.b_c-d1": {"recipes": ["a"], "targets": ["cpu"]}}}),
    ],
)
def test_good_texts_pass(load: Load, content: str) -> None:
    load(Project, content, "f.json")


# ── requirements


@pytest.mark.parametrize(
    ("text", "requirement"),
    [
        ("pytorch", Requirement("pytorch")),
        (" pytorch ", Requirement("pytorch")),
        ("pytorch:2.7", Requirement("pytorch", (), "2.7")),
        ("pytorch >= 2.6, < 2.8", Requirement("pytorch", (), ">=2.6,<2.8")),
        ("ros[desktop]:humble", Requirement("ros", ("desktop",), "humble")),
        ("ros[b, a]", Requirement("ros", ("a", "b"))),
        ("ros[desktop]==humble", Requirement("ros", ("desktop",), "==humble")),
        ("llama-cpp:b5046", Requirement("llama-cpp", (), "b5046")),
        ("x~=1.4", Requirement("x", (), "~=1.4")),
        ("x==1.*", Requirement("x", (), "==1.*")),
    ],
)
def test_requirement(text: str, requirement: Requirement) -> None:
    assert parse_requirement(text) == requirement
    assert parse_requirement(str(requirement)) == requirement


@pytest.mark.parametrize(
    "text",
    ["", "A", "a b", "a:", "a[", "a[x", "a]", "a>=", "a>=1,,<x", "a:1:2", "a@1", "a=1", "a:>=1", "./a", "a[é]"],
)
def test_what_is_no_requirement(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_requirement(text)


def test_facts_of_conditions_are_fields_of_targets() -> None:
    assert set(FACT_NAMES) - {"target", "platform", "python_origin"} <= set(Target.model_fields)


# ── recipes in Python

IMPORT = "from edgebake.recipe import Build, Recipe, Release, Variant, when\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("recipe = (\n", "2:10: the file is not valid Python: '(' was never closed"),
        ("import nonexistent\n", "2:1: the recipe raised ModuleNotFoundError: No module named 'nonexistent'"),
        ("def f():\n    return 1 / 0\nf()\n", "3:1: the recipe raised ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "2:1: the recipe raised SystemExit: 3"),
        (
            "x = 1\n",
            "1:1: the file does not define `recipe`\n\nhint: end it with: recipe = Recipe(name=…, summary=…, releases=…)",
        ),
        (
            "recipe = {'name': 'x'}\n",
            "1:1: the file does not define `recipe`\n\nhint: end it with: recipe = Recipe(name=…, summary=…, releases=…)",
        ),
        (
            "\nrecipe = Recipe(name='x', summary='s', requries=['a'])\n",
            "3:1: unknown key 'requries'\n\nhint: did you mean 'requires'?",
        ),
        (
            "first = Release(version='1')\nsecond = Release(version='1', defualt=True)\n",
            "3:1: unknown key 'defualt'\n\nhint: did you mean 'default'?",
        ),
        (
            "recipe = Recipe(name='x', summary='s', build={'runs_on': 'build-platform', 'scrpt': 'b'})\n",
            "2:1: unknown key 'scrpt' in build\n\nhint: did you mean 'script'?",
        ),
        (
            "w = when({'cudda': 12})\n",
            "2:1: 'cudda' is not a fact of a target\n\nhint: did you mean 'cuda'?",
        ),
        (
            "recipe = Recipe(name='x', summary=None, runtime={'expose': [8000]})\n",
            "2:1: summary: has no value\n\nrecipe.py:2:1: runtime.expose[0]: must be text, not 8000",
        ),
    ],
)
def test_a_mistake_in_a_python_recipe_is_told_at_its_own_line(load: Load, content: str, message: str) -> None:
    assert told(load, Recipe, IMPORT + content, "recipe.py") == f"recipe.py:{message}"


RELEASES = (
    IMPORT
    + "\n\ndef releases(target):\n    {body}\n\n\nrecipe = Recipe(name='x', summary='s', releases=releases)\n"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return [1]", "4:1: releases(target) must return a list of Release, not int"),
        ("return None", "4:1: releases(target) must return a list of Release, not NoneType"),
        ("return [Release(version='b1')]", ("4:1: releases for t: 'b1' is not a PEP 440 version\n\n"
         "hint: for versions without an order, set versioning: opaque")),
        ("return [Release(version='1.0'), Release(version='1')]",
         "4:1: releases for t: '1' is the same version as '1.0'"),
        ("return [Release(version=target.cuda)]", "5:1: version: has no value"),
        ("return [][0]", "5:1: the recipe raised IndexError: list index out of range"),
    ],
)  # fmt: skip
def test_a_mistake_of_the_releases_function(tmp_path: Path, load: Load, body: str, message: str) -> None:
    path = tmp_path / "recipe.py"
    path.write_text(RELEASES.format(body=body))
    recipe, document = load_python_recipe(path, "recipe.py")
    with pytest.raises(EdgebakeError) as caught:
        call_releases(recipe, document, load(Target, TARGET))
    assert str(caught.value) == f"recipe.py:{message}"


def test_the_releases_function_sees_the_target(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "recipe.py"
    path.write_text(RELEASES.format(body="return [Release(version=target.os.split(':')[1])]"))
    recipe, document = load_python_recipe(path, "recipe.py")
    (release,) = call_releases(recipe, document, load(Target, TARGET))
    assert release.version == "12"
