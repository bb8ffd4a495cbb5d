"""Resolving: each case of `resolver_cases/*.yaml` is a small catalogue, requests, and what comes of them.

A file has `about`, `recipes` and `targets` (text as in their files; what every file needs is filled in), and
`cases`. A case asks for recipes `on` a target, and has either

- `pins`: for each platform (or `all`) what every recipe is pinned to, as `version`, `version variant 2` or
  `version [flavour, …]`; `-` for a recipe without versions. Optional: `compiled_against` (pinned, not in the
  image), `provided` (needs no recipe, with the reason), or
- `error`: the whole text that the user sees.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import Catalogue
from edgebake.model.requirement import parse_requirement
from edgebake.resolve import resolution as resolving
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.python_choice import with_wanted_python
from edgebake.resolve.resolution import Pin, Resolution, Root, resolve

FOLDER = Path(__file__).parent / "resolver_cases"
FIRST_LINE = 4  # of the requests in the edgebake.yaml that the cases stand for

TARGET = {
    "family": "cpu",
    "summary": "A target",
    "platforms": "[linux/amd64]",
    "base": '{image: "debian:12"}',
    "os": "debian:12",
}


def blocks(path: Path, key: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a mapping of a case file as the text that the file has for them."""
    text = path.read_text(encoding="utf-8")
    for name, node in yaml.compose(text, Loader=yaml.SafeLoader).value:
        if name.value == key:
            for entry, value in node.value:
                start = value.start_mark.index - value.start_mark.column
                block = text[start : value.end_mark.index]
                flow = f"{text[value.start_mark.index : value.end_mark.index]}\n"
                yield entry.value, flow if value.flow_style else textwrap.dedent(block)


def recipe_text(name: str, own: str) -> str:
    if own.startswith("{"):
        return f"{{name: {name}, summary: A recipe, {own[1:]}"
    return f"name: {name}\nsummary: A recipe\n{own}"


def target_text(name: str, own: str) -> str:
    data = yaml.load(own, Loader=yaml.BaseLoader)
    fixed = {**TARGET, "tag_suffix": name.replace(".", "-"), **({"cuda_flavour": "x86"} if "cuda" in data else {})}
    lines = [f"{key}: {value}\n" for key, value in fixed.items() if key not in data]
    return f"name: {name}\n{''.join(lines)}{own if not own.startswith('{') else yaml.safe_dump(data)}"


def write_catalogue(case_file: Path, root: Path, order: random.Random | None = None) -> Catalogue:
    """Write a case file's recipes and targets (in any order) as a project's own, and return its catalogue."""
    files = {f"recipes/{name}/recipe.yaml": recipe_text(name, own) for name, own in blocks(case_file, "recipes")}
    targets = dict(blocks(case_file, "targets")) or {"cpu": "python: '3.11'\n"}
    files |= {f"targets/{name}.yaml": target_text(name, own) for name, own in targets.items()}
    paths = list(files)
    if order:
        order.shuffle(paths)
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(files[path], encoding="utf-8")
    return Catalogue(root, (root / "recipes",), (root / "targets",), root / "no-built-in-catalogue")


def run(catalogue: Catalogue, case: dict[str, Any]) -> dict[str, Resolution]:
    """Resolve a case on every platform of its target."""
    target = catalogue.target(case.get("on", "cpu")).target
    roots = [
        Root(parse_requirement(text), Position("edgebake.yaml", FIRST_LINE + index, 9))
        for index, text in enumerate(case["ask"])
    ]
    target = with_wanted_python(target, catalogue, [root.requirement for root in roots])
    pools = {p: CandidatePool(catalogue, target, p, case.get("locked")) for p in target.platforms}
    return {platform: resolve(pool, roots, what="image 'app'") for platform, pool in pools.items()}


def pin_text(pin: Pin) -> str:
    variant = f" variant {pin.candidate.variant_number + 1}" if len(pin.release.variants) > 1 else ""
    flavours = f" [{', '.join(pin.flavours)}]" if pin.flavours else ""
    return (pin.version or "-") + variant + flavours


def outcome(catalogue: Catalogue, case: dict[str, Any]) -> dict[str, Any]:
    """Return what comes of a case, in the shape in which cases have it."""
    try:
        resolutions = run(catalogue, case)
    except EdgebakeError as error:
        return {"error": f"{error}\n"}
    found: dict[str, Any] = {"pins": {}}
    for platform, resolution in resolutions.items():
        found["pins"][platform] = {name: pin_text(pin) for name, pin in resolution.pins.items()}
        if set(resolution.pins) - set(resolution.installed):
            found["compiled_against"] = sorted(set(resolution.pins) - set(resolution.installed))
        if resolution.provided:
            found["provided"] = {name: str(one) for name, one in resolution.provided.items()}
    pins = list(found["pins"].values())
    if all(one == pins[0] for one in pins):
        found["pins"] = {"all": pins[0]}
    return found


def cases() -> list[Any]:
    """Return path and case of all files, as parameters of a test."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        for number, case in enumerate(content["cases"]):
            found.append(pytest.param(path, case, id=f"{path.stem}-{number + 1}"))
    return found


@pytest.mark.parametrize(("path", "case"), cases())
def test_case(path: Path, case: dict[str, Any], tmp_path: Path) -> None:
    wanted = {key: value for key, value in case.items() if key not in ("ask", "on", "locked")}
    assert outcome(write_catalogue(path, tmp_path), case) == wanted


def test_there_are_cases() -> None:
    assert len(list(FOLDER.glob("*.yaml"))) >= 30


# ── an oracle: every assignment tried

NAMES = ("a", "b", "c", "d")
VERSIONS = ("1", "2", "3")
RANGES = ("", ">=2", "<2", "==2", "!=2", ">=3", "<3")

release = st.fixed_dictionaries(
    {"requires": st.sets(st.tuples(st.integers(1, 3), st.sampled_from(RANGES)), max_size=2)},
    optional={"conflicts": st.tuples(st.integers(1, 3), st.sampled_from(RANGES))},
)
worlds = st.lists(st.dictionaries(st.sampled_from(VERSIONS), release, min_size=1), min_size=4, max_size=4)
wishes = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(RANGES)), min_size=1, max_size=3)


def as_recipes(world: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return recipes in the shape of their files; each requires only later ones, so that there is no circle."""
    recipes = []
    for index, releases in enumerate(world):
        found = []
        for version, data in sorted(releases.items()):
            later = {NAMES[index + step] + text for step, text in data["requires"] if index + step < len(NAMES)}
            step, text = data.get("conflicts", (9, ""))
            conflicts = [NAMES[index + step] + text] if index + step < len(NAMES) else []
            found.append({"version": version, "requires": sorted(later), "conflicts": conflicts})
        recipes.append({"name": NAMES[index], "summary": "s", "releases": found})
    return recipes


def as_catalogue(recipes: list[dict[str, Any]], root: Path) -> Catalogue:
    for recipe in recipes:
        (root / "recipes" / recipe["name"]).mkdir(parents=True)
        (root / "recipes" / recipe["name"] / "recipe.json").write_text(json.dumps(recipe))
    (root / "targets").mkdir()
    (root / "targets/cpu.yaml").write_text(target_text("cpu", "python: '3.11'\n"))
    return Catalogue(root, (root / "recipes",), (root / "targets",), root / "none")


def is_solution(chosen: dict[str, str | None], recipes: list[dict[str, Any]], asked: list[str]) -> bool:
    def has(text: str) -> bool:
        version = chosen[text[0]]
        return version is not None and SpecifierSet(text[1:]).contains(version)

    if not all(has(text) for text in asked):
        return False
    for recipe in recipes:
        for one in recipe["releases"]:
            if one["version"] == chosen[recipe["name"]] and (
                not all(has(text) for text in one["requires"]) or any(has(text) for text in one["conflicts"])
            ):
                return False
    return True


@settings(max_examples=150, deadline=None)
@given(worlds, wishes)
def test_a_resolution_is_one_and_a_conflict_has_none(world: list[Any], wish: list[tuple[str, str]]) -> None:
    recipes, asked = as_recipes(world), [name + text for name, text in wish]
    with tempfile.TemporaryDirectory() as folder:
        try:
            pins = run(as_catalogue(recipes, Path(folder)), {"ask": asked})["linux/amd64"].pins
        except EdgebakeError:
            pins = None
    if pins is not None:
        assert is_solution({name: pins[name].version if name in pins else None for name in NAMES}, recipes, asked)
        return
    choices = [[None, *(one["version"] for one in recipe["releases"])] for recipe in recipes]
    assignments = (dict(zip(NAMES, versions, strict=True)) for versions in product(*choices))
    assert not any(is_solution(assignment, recipes, asked) for assignment in assignments)


@settings(max_examples=150, deadline=None)
@given(worlds, wishes)
def test_what_is_decided_without_backtracking_is_what_the_resolver_pins(
    world: list[Any], wish: list[tuple[str, str]]
) -> None:
    case = {"ask": [name + text for name, text in wish]}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        catalogue = as_catalogue(as_recipes(world), Path(folder))
        first = outcome(catalogue, case)
        patch.setattr(resolving, "_without_backtracking", lambda pool, asks: None)
        assert outcome(catalogue, case) == first


# ── determinism


def everything(root: Path, seed: int) -> str:
    """Return all outcomes as one text; called in a process of its own."""
    order = random.Random(seed)
    texts = []
    for number, case in enumerate(cases()):
        path, data = case.values
        texts.append(f"{case.id}: {outcome(write_catalogue(path, root / str(number), order), data)}")
    return "\n".join(texts)


def test_hash_seed_and_directory_order_change_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "from test_resolver import everything; print(everything(Path(sys.argv[2]), int(sys.argv[3])))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(FOLDER.parent), str(tmp_path / str(seed)), str(seed)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        )
        for seed in range(5)
    ]
    outputs = {process.communicate()[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 5
    assert len(outputs) == 1
    assert "error" in outputs.pop()
