"""Compatibility data: its checks on small catalogues, how it is shown, and the built-in data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from conftest import ProjectFolder
from edgebake.cli.console import json_text, render
from edgebake.cli.format.compat import data as data_of
from edgebake.cli.format.compat import text as table
from edgebake.compatibility.check import check, supported_sm
from edgebake.compatibility.data import entries, load_frameworks, select_frameworks, select_targets
from edgebake.compatibility.page import page
from edgebake.errors import EdgebakeError
from edgebake.load.catalogue import Catalogue
from edgebake.load.workspace import open_workspace

REPOSITORY = Path(__file__).parents[2]
EDGEBAKE = Path(sys.executable).with_name("edgebake")
FRAMEWORKS = [
    "cupy",
    "deepstream",
    "jax",
    "onnxruntime",
    "pytorch",
    "tensorflow",
    "tensorrt",
    "torchaudio",
    "torchvision",
    "triton",
    "vllm",
]

GPU = """\
name: gpu
family: cuda
summary: A target with a GPU
platforms: [linux/amd64]
base: {image: "nvidia/cuda:12.8.1-runtime-ubuntu24.04", provides: [cuda]}
os: ubuntu:24.04
cuda: "12.8"
python: "3.12"
sm: ["80", "89"]
cuda_flavour: x86
tag_suffix: gpu
"""
RECIPE = """\
name: torch
summary: A framework
requires: [python]
releases:
  - version: "2.1"
  - version: "2.0"
    when: {cuda: none}
"""
HEAD = "name: torch\nsummary: A framework\nrows:\n"


def row(releases: str, when: str, more: str = "") -> str:
    """Return a row with releases, of three lines and `more`."""
    return f"  - releases: [{releases}]\n    when: {{{when}}}\n    origin: index\n{more}    sources: [https://example.org]\n"


def absent(when: str) -> str:
    return f"  - absent: nobody builds it\n    when: {{{when}}}\n    sources: [https://example.org]\n"


SOUND = HEAD + row('"2.1", "2.0"', "cuda: none") + row('"2.1"', "cuda: 12")


@pytest.fixture
def data(project: ProjectFolder) -> ProjectFolder:
    """A project whose catalogue has a target with a GPU, and a recipe; its own data is the test's."""
    return project.catalogue({"targets/gpu.yaml": GPU, "recipes/torch/recipe.yaml": RECIPE})


def catalogue(data: ProjectFolder, text: str) -> Catalogue:
    data.write({"edgebake.yaml": "registry: localhost:5000\n", "targets/compatibility/torch.yaml": text})
    return data.open().catalogue


def findings(data: ProjectFolder, text: str) -> list[str]:
    return [str(error).replace(str(data.builtin), "builtin") for error in check(catalogue(data, text))]


# ── the check


def test_sound_data_has_no_findings(data: ProjectFolder) -> None:
    assert findings(data, SOUND) == []


def test_a_target_without_a_row(data: ProjectFolder) -> None:
    assert findings(data, HEAD + row('"2.1", "2.0"', "cuda: none")) == [
        (
            "targets/compatibility/torch.yaml:3:1: torch has no row for gpu\n"
            "\n"
            "hint: add a row with `releases`, or one with `absent` and the reason"
        )
    ]


def test_a_platform_without_a_row(data: ProjectFolder) -> None:
    text = HEAD + row('"2.1", "2.0"', "cuda: none, platform: linux/amd64") + row('"2.1"', "cuda: 12")
    (told,) = findings(data, text)
    assert told.startswith("targets/compatibility/torch.yaml:3:1: torch has no row for cpu (linux/arm64)\n")


def test_a_release_in_two_rows(data: ProjectFolder) -> None:
    assert findings(data, SOUND + row('"2.1", "1.9"', "family: cuda")) == [
        (
            "targets/compatibility/torch.yaml:12:5: torch 2.1 has two rows for gpu\n"
            "  the other row is targets/compatibility/torch.yaml:8:5\n"
            "\n"
            "hint: narrow the `when` of one of them"
        )
    ]


def test_rows_of_other_releases_may_hold_on_one_target(data: ProjectFolder) -> None:
    assert findings(data, SOUND + row('"1.9"', "family: cuda")) == []


def test_a_build_that_is_there_and_absent(data: ProjectFolder) -> None:
    assert findings(data, SOUND + absent("sm: 80")) == [
        (
            "targets/compatibility/torch.yaml:12:5: a build of torch is both available and absent on gpu\n"
            "  the other row is targets/compatibility/torch.yaml:8:5\n"
            "\n"
            "hint: narrow the `when` of one of them"
        )
    ]


def test_a_row_that_holds_nowhere(data: ProjectFolder) -> None:
    assert findings(data, SOUND + row('"1.9"', "cuda: 11")) == [
        (
            "targets/compatibility/torch.yaml:13:5: a row of torch matches no target\n"
            "\n"
            "hint: fix its `when`, or remove the row"
        )
    ]


def test_a_build_for_other_gpus(data: ProjectFolder) -> None:
    text = HEAD + row('"2.1", "2.0"', "cuda: none") + row('"2.1"', "cuda: 12", '    sm: ["90", "100"]\n')
    assert findings(data, text) == [
        (
            "targets/compatibility/torch.yaml:11:5: torch 2.1 is built for no GPU of gpu\n"
            "  it has code for sm 90, 100; the GPUs of these targets are sm 80, 89"
        )
    ]


def test_a_recipe_that_offers_what_the_data_excludes(data: ProjectFolder) -> None:
    text = HEAD + row('"2.1", "2.0"', "cuda: none") + absent("cuda: 12")
    assert findings(data, text) == [
        (
            "builtin/recipes/torch/recipe.yaml:5:14: the recipe 'torch' offers 2.1 on gpu, but the compatibility data"
            " has no such build\n"
            "  the data is targets/compatibility/torch.yaml\n"
            "\n"
            "hint: narrow the `when` of the release, or add a row with a source"
        )
    ]


def test_a_release_that_the_data_does_not_know(data: ProjectFolder) -> None:
    data.catalogue({"recipes/torch/recipe.yaml": RECIPE + '  - version: "1.8"\n    when: {cuda: 12}\n'})
    (told,) = findings(data, SOUND)
    assert told.startswith("builtin/recipes/torch/recipe.yaml:8:14: the recipe 'torch' offers 1.8 on gpu, but")


def test_a_recipe_that_does_not_offer_what_the_data_has(data: ProjectFolder) -> None:
    text = HEAD + row('"2.1", "2.0"', "cuda: none") + row('"2.1", "2.0"', "cuda: 12")
    (told,) = findings(data, text)
    assert told.startswith(
        "targets/compatibility/torch.yaml:8:5: the recipe 'torch' does not offer 2.0 on gpu, but the compatibility"
        " data has a build\n"
    )
    assert told.endswith("hint: widen the `when` of the recipe's release, or say why not in `no_recipe`")


def test_what_the_recipe_needs_counts_too(data: ProjectFolder) -> None:
    data.catalogue({"recipes/torch/recipe.yaml": RECIPE.replace("[python]", "[python, cuda]")})
    told = findings(data, SOUND)
    assert [line.split(": ", 1)[1].split(",")[0] for line in told] == [
        "the recipe 'torch' does not offer 2.1 on cpu (linux/amd64)",
        "the recipe 'torch' does not offer 2.0 on cpu (linux/amd64)",
    ]


def test_a_reason_why_the_recipe_does_not_offer_it(data: ProjectFolder) -> None:
    reason = "    no_recipe: too old\n"
    text = HEAD + row('"2.1", "2.0"', "cuda: none") + row('"2.1"', "cuda: 12") + row('"2.0"', "cuda: 12", reason)
    assert findings(data, text) == []


def test_a_reason_that_no_longer_holds(data: ProjectFolder) -> None:
    reason = "    no_recipe: too new\n"
    text = HEAD + row('"2.1", "2.0"', "cuda: none") + row('"2.1"', "cuda: 12", reason)
    assert findings(data, text) == [
        (
            "targets/compatibility/torch.yaml:11:16: the recipe 'torch' offers 2.1 on gpu, but the row says why it does"
            " not\n"
            "\n"
            "hint: remove `no_recipe`, or narrow the row's `when`"
        )
    ]


def test_a_framework_without_a_recipe_is_checked_alone(data: ProjectFolder) -> None:
    (data.builtin / "recipes/torch/recipe.yaml").unlink()
    assert findings(data, HEAD + row('"9.9"', "cuda: none") + absent("cuda: 12")) == []


@pytest.mark.parametrize(
    ("built", "present", "supported"),
    [
        (("80",), ("75", "80", "86", "87", "90"), ("80", "86", "87")),  # the same major, and no smaller minor
        (("86",), ("80", "86", "89"), ("86", "89")),
        (("100",), ("103", "110", "120", "10"), ("103",)),
        (("90a",), ("90", "90a"), ("90a",)),
        (("90",), ("90a",), ()),
        ((), ("80",), ()),
    ],
)
def test_which_gpus_a_build_runs_on(
    built: tuple[str, ...], present: tuple[str, ...], supported: tuple[str, ...]
) -> None:
    assert supported_sm(built, present) == supported


# ── what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + row('"2.1"', "cudda: 12"),
            "5:12: rows[0].when: 'cudda' is not a fact of a target\n\nhint: did you mean 'cuda'?",
        ),
        (
            HEAD + row('"2.1"', "cuda: 12").replace("origin", "orign"),
            "6:5: unknown key 'orign' in rows[0]\n\nhint: did you mean 'origin'?",
        ),
        (
            HEAD + "  - when: {cuda: 12}\n    sources: [x]\n",
            "4:5: rows[0]: a row needs exactly one of `releases` and `absent`",
        ),
        (
            HEAD + row('"2.1"', "cuda: 12", "    absent: none\n"),
            "4:5: rows[0]: a row needs exactly one of `releases` and `absent`",
        ),
        (
            HEAD + row('"2.1"', "cuda: 12").replace("    origin: index\n", ""),
            "4:5: rows[0]: a row with `releases` needs `origin`",
        ),
        (HEAD + row('"2.1", "2.1"', "cuda: 12"), "4:5: rows[0].releases: a release is listed twice"),
        (HEAD + row('"new"', "cuda: 12"), "4:16: rows[0].releases[0]: 'new' is not a version (such as 2.7.1)"),
        (HEAD + row('"2.1"', "cuda: 12").replace("[https://example.org]", "[]"), "7:5: rows[0].sources: must not be empty"),
        (
            HEAD + absent("cuda: 12") + "    cudnn: own\n",
            "7:5: rows[0]: a row with `absent` cannot have 'cudnn'",
        ),
        (SOUND.replace("name: torch", "name: torche"), "1:7: the framework 'torche' is in a file named 'torch.yaml'\n\nhint: rename the file to torche.yaml"),
    ],
)  # fmt: skip
def test_wrong_data_says_where(data: ProjectFolder, text: str, message: str) -> None:
    with pytest.raises(EdgebakeError) as caught:
        load_frameworks(catalogue(data, text))
    assert str(caught.value) == f"targets/compatibility/torch.yaml:{message}"


def test_unknown_names(data: ProjectFolder) -> None:
    own = catalogue(data, SOUND)
    with pytest.raises(EdgebakeError, match="about 'torhc'\n\nhint: did you mean 'torch'"):
        select_frameworks(load_frameworks(own), ["torhc"])
    with pytest.raises(EdgebakeError, match="unknown target 'gpus'"):
        select_targets(own, ["gpus"])


# ── how it is shown


def test_a_table_is_by_framework_target_and_row(data: ProjectFolder) -> None:
    text = (
        HEAD
        + row('"2.1", "2.0"', "cuda: none, platform: linux/arm64")
        + row('"2.1"', "cuda: 12", '    sm: ["86"]\n    cudnn: own\n')
    )
    own = catalogue(data, text + absent("platform: linux/amd64, cuda: none"))
    assert render(table(entries(load_frameworks(own), select_targets(own, ())))) == (
        "FRAMEWORK  TARGET             RELEASES  CUDA  CUDNN  PYTHON  JETPACK  SM  FROM, OR WHY NONE\n"
        "torch      cpu (linux/arm64)  2.1, 2.0  -     -      3.11    -        -   index\n"
        "torch      cpu (linux/amd64)  none      -     -      3.11    -        -   nobody builds it\n"
        "torch      gpu                2.1       12.8  own    3.12    -        89  index"
    )


def test_filters_and_json(data: ProjectFolder) -> None:
    own = catalogue(data, SOUND)
    found = entries(select_frameworks(load_frameworks(own), ["torch"]), select_targets(own, ["g*"]))
    assert json.loads(json_text(data_of(found))) == {
        "version": 1,
        "rows": [
            {
                "framework": "torch",
                "target": "gpu",
                "platforms": ["linux/amd64"],
                "releases": ["2.1"],
                "absent": None,
                "cuda": "12.8",
                "cudnn": None,
                "python": "3.12",
                "jetpack": None,
                "sm": ["80", "89"],
                "origin": "index",
                "no_recipe": None,
                "sources": ["https://example.org"],
            }
        ],
    }


def test_the_page_names_the_newest_release_of_all_rows(data: ProjectFolder) -> None:
    own = catalogue(
        data, HEAD + row('"2.0"', "cuda: none") + row('"2.10", "2.9"', "cuda: none") + absent("cuda: 12")
    )
    frameworks, targets = load_frameworks(own), select_targets(own, ())
    text = page(frameworks, targets, entries(frameworks, targets))
    assert "| cpu | – | – | 3.11 | 2.10 |\n| gpu | 12.8 | – | 3.12 | – |\n" in text
    assert "| none: nobody builds it | 12 | – | any | any | – | – | – | [1](<https://example.org>) |\n" in text


# ── the command


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EDGEBAKE, "-C", folder, "compat", *arguments], capture_output=True, text=True, check=False
    )


def test_a_project_with_a_hole_in_its_data_fails_the_check(project: ProjectFolder) -> None:
    project.write({"edgebake.yaml": "registry: localhost:5000\n", "targets/compatibility/mine.yaml": HEAD.replace("torch", "mine") + row('"1"', "cuda: 12")})  # fmt: skip
    done = run(project.root, "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "targets/compatibility/mine.yaml:3:1: mine has no row for cpu" in done.stderr


def test_a_check_of_a_part_is_refused(project: ProjectFolder) -> None:
    done = run(project.root, "pytorch", "--check")
    assert done.returncode == 2
    assert done.stderr == "error: --check checks all frameworks and targets\n\nhint: omit the filters\n"


# ── the built-in data


def builtin() -> Catalogue:
    return open_workspace(Path(__file__).parent, need_project=False).catalogue


def test_the_built_in_data_is_sound_and_fits_the_recipes() -> None:
    assert [str(error) for error in check(builtin())] == []


def test_it_is_about_these_frameworks() -> None:
    assert [loaded.name for loaded in load_frameworks(builtin())] == FRAMEWORKS


def test_the_committed_page_is_the_printed_one(tmp_path: Path) -> None:
    done = run(tmp_path, "--markdown")
    committed = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
    assert done.returncode == 0
    assert committed == done.stdout, "make it anew: edgebake compat --markdown > docs/compatibility.md"


def test_the_committed_schema_is_the_printed_one_and_takes_the_built_in_data() -> None:
    done = subprocess.run([EDGEBAKE, "schema", "compatibility"], capture_output=True, text=True, check=True)
    committed = (REPOSITORY / "docs" / "schema" / "compatibility.schema.json").read_text(encoding="utf-8")
    assert committed == done.stdout
    validator = jsonschema.Draft202012Validator(json.loads(done.stdout))
    for path in (REPOSITORY / "targets" / "compatibility").iterdir():
        assert list(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))) == []
