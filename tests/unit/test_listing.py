"""`edgebake list`: what there is, and what was really built of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgebake.cli.format.list import proof_text
from edgebake.errors import EdgebakeError
from edgebake.inspect.listing import Proofs, find_recipes
from edgebake.load.workspace import Workspace, open_workspace
from edgebake.model.output.explore import Proof
from edgebake.plan.fingerprint import Fingerprints
from edgebake.testing.subjects import Subject, own_fingerprint, subjects
from edgebake.testing.verified import Verification, read_verified, write_verified
from integration.projects import CPU, make_project, recipe


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return open_workspace(tmp_path_factory.mktemp("none"), need_project=False)


@pytest.fixture(scope="module")
def numpy(catalogue: Workspace) -> list[Subject]:
    return list(subjects(catalogue, "cpu", ["numpy"]))


def verification(subject: Subject, **changes: object) -> Verification:
    values = {
        "recipe": subject.recipe,
        "release": "1",
        "target": subject.target,
        "platform": subject.platform,
        "fingerprint": subject.fingerprint,
        "base": "debian:bookworm-slim",
        "result": "passed",
        "fails_without": True,
        "seconds": 1.5,
    }
    return Verification.model_validate({**values, **changes})


def proof(record: Path, name: str = "numpy") -> Proof:
    return Proofs(target="cpu", folder=record).of(name)


def test_what_to_verify_is_each_platform_of_a_recipe_that_exists_there(
    catalogue: Workspace, numpy: list[Subject]
) -> None:
    assert [subject.key for subject in numpy] == [("numpy", "cpu", "linux/amd64"), ("numpy", "cpu", "linux/arm64")]
    assert list(subjects(catalogue, "cpu", ["tensorrt"])) == []
    (one,) = subjects(catalogue, "cpu", ["numpy"], ["linux/arm64"])
    assert (one.key, one.fingerprint) == (numpy[1].key, numpy[1].fingerprint)


def test_a_fingerprint_is_of_the_recipes_own_stages(catalogue: Workspace, numpy: list[Subject]) -> None:
    found = list(subjects(catalogue, "cpu", ["numpy", "onnxruntime"], ["linux/amd64"]))
    assert found[0].fingerprint == numpy[0].fingerprint
    assert found[1].fingerprint != numpy[0].fingerprint


def test_a_fingerprint_is_of_the_test_too(tmp_path: Path) -> None:
    project = make_project(tmp_path, targets=(CPU,))
    project.recipe(**recipe("app", test={"script": "test.sh", "files": ["data"]}))
    project.images(app=["app"])
    found = []
    for script, data in (("true", "1"), ("true", "1"), ("false", "1"), ("true", "2")):
        project.write({"recipes/app/test.sh": script, "recipes/app/data/a/b": data})
        compilation = project.compile()
        found.append(own_fingerprint(compilation, Fingerprints(compilation), "app", "linux/amd64"))
    assert found[0] == found[1]
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({}, "verified", "built and tested: cpu amd64, cpu arm64"),
        ({"fingerprint": "0" * 64}, "stale", "changed since it was built: cpu amd64, cpu arm64"),
        ({"result": "failed", "reason": "it crashed"}, "failed", "failed: cpu amd64, cpu arm64"),
        ({"fails_without": False}, "failed", "failed: cpu amd64, cpu arm64"),
    ],
)
def test_a_record_holds_while_the_fingerprint_does(
    numpy: list[Subject], tmp_path: Path, changes: dict[str, object], state: str, text: str
) -> None:
    write_verified(tmp_path, [verification(subject, **changes) for subject in numpy])
    found = proof(tmp_path)
    assert (found.state, proof_text(found.built)) == (state, text)


def test_a_recipe_that_differs_by_platform_tells_both(
    catalogue: Workspace, numpy: list[Subject], tmp_path: Path
) -> None:
    write_verified(tmp_path, [verification(numpy[0])])
    found = proof(tmp_path)
    assert found.state == "checked only"
    assert proof_text(found.built) == "built and tested: cpu amd64; not built yet: cpu arm64"


@pytest.mark.parametrize("changes", [{"given": ["numpy==0.1"]}, {"target": "gone"}, {"platform": "linux/arm64"}])
def test_what_can_no_longer_be_had_is_stale(
    catalogue: Workspace, tmp_path: Path, changes: dict[str, object]
) -> None:
    (one,) = subjects(catalogue, "cpu", ["realsense"])  # which is for amd64 only
    record = verification(one, **changes)
    write_verified(tmp_path, [record])
    states = {(one.target, one.platform): one.state for one in Proofs(folder=tmp_path).of("realsense").built}
    assert states[record.target, record.platform] == "stale"


@pytest.mark.parametrize(
    ("arguments", "compiled"),
    [(["targets"], False), (["--target", "jetpack-6.2"], False), (["--group", "ml"], True)],
)
def test_only_what_has_a_record_to_compare_is_compiled(
    arguments: list[str], compiled: bool, tmp_path: Path
) -> None:
    script = "import atexit, sys; from edgebake.cli.main import main\n"
    script += "atexit.register(lambda: print('edgebake.graph.compile' in sys.modules, file=sys.stderr)); main()"
    command = [sys.executable, "-c", script, "list", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == f"{compiled}\n"


def test_what_stood_beside_a_recipe_is_recorded_and_told(catalogue: Workspace, tmp_path: Path) -> None:
    (one,) = subjects(catalogue, "cpu", ["scipy"], ["linux/amd64"], ["numpy==2.2.6"])
    assert one.requirements == ("scipy", "numpy==2.2.6")
    write_verified(tmp_path, [verification(one, given=one.given)])
    assert read_verified(tmp_path)[one.key].given == ("numpy==2.2.6",)
    assert (
        proof_text(proof(tmp_path, "scipy").built)
        == "built and tested: cpu amd64 (with numpy==2.2.6); not built yet: cpu arm64"
    )


def test_a_recipes_own_release_can_be_given(catalogue: Workspace, numpy: list[Subject]) -> None:
    (one,) = subjects(catalogue, "cpu", ["numpy"], ["linux/amd64"], ["numpy==2.2.6"])
    assert one.requirements == ("numpy==2.2.6",)
    assert one.fingerprint != numpy[0].fingerprint


def test_what_was_never_built_is_checked_only(tmp_path: Path) -> None:
    found = proof(tmp_path, "onnxruntime")
    assert (found.state, proof_text(found.built)) == ("checked only", "not built yet")


def test_a_target_leaves_out_what_it_has_not(catalogue: Workspace) -> None:
    names = {found.loaded.name for found in find_recipes(catalogue, target="cpu")}
    assert "numpy" in names
    assert "tensorrt" not in names
    assert {found.loaded.recipe.group for found in find_recipes(catalogue, group="ml")} == {"ml"}


def test_a_record_is_read_as_it_was_written(numpy: list[Subject], tmp_path: Path) -> None:
    records = [verification(subject) for subject in reversed(numpy)]
    write_verified(tmp_path, records)
    first = (tmp_path / "VERIFIED.json").read_bytes()
    assert list(read_verified(tmp_path).values()) == sorted(records, key=lambda one: one.key)
    write_verified(tmp_path, reversed(records))
    assert (tmp_path / "VERIFIED.json").read_bytes() == first


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "VERIFIED.json").write_text("[{]")
    with pytest.raises(EdgebakeError, match=r"VERIFIED.json: the record of verified recipes is damaged"):
        read_verified(tmp_path)
