"""What a result follows from: whatever alters it alters its inputs, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgebake.model.request import Request
from edgebake.plan.history import Finished
from edgebake.plan.settings import Settings
from edgebake.state.current import expected_references
from edgebake.state.inputs import Inputs, digest_of_tests
from integration.projects import AMD64, ARM64, Project, line_of_five

BASE = "debian:bookworm-slim"
BASES = {BASE: ("sha256:aa", "")}
PLAIN = Settings(environment={}, variables={"BASE_CPU": BASE})
"""The base is locked; here it is named by its tag."""


@pytest.fixture
def line(tmp_path: Path) -> Project:
    return line_of_five(tmp_path)


def digest(
    project: Project,
    settings: Settings = PLAIN,
    bases: dict[str, tuple[str, ...]] = BASES,
    builder: str = "",
    request: Request = Request(),  # noqa: B008
) -> str:
    plan = project.plan(request)
    known = {reference: bases.get(reference, ("sha256:cc", "")) for reference in bases}
    mirrored = dict.fromkeys(settings.mirrors.values(), ("sha256:aa", ""))
    inputs = Inputs(plan, settings, {**known, **{f"{m}:bookworm-slim": v for m, v in mirrored.items()}}, builder)
    return inputs.digest(plan.targets[0])


ALTERED: dict[str, Callable[[Project], str]] = {
    "a file that a stage reads": lambda p: digest(p.write({"recipes/c/install.sh": "false\n"})),
    "another base digest": lambda p: digest(p, bases={BASE: ("sha256:bb", "")}),
    "an engine with a base of its own": lambda p: digest(p, bases={BASE: ("sha256:aa", "sha256:dd")}),
    "a mirror": lambda p: digest(p, Settings(environment={}, mirrors={"debian": "mirror.example.com/debian"})),
    "a variable": lambda p: digest(p, replace(PLAIN, variables={**PLAIN.variables, "CHANNEL": "next"})),
    "a variable of the environment": lambda p: digest(p, replace(PLAIN, environment={"CHANNEL": "next"})),
    "the time that Buildx gives": lambda p: digest(p, replace(PLAIN, environment={"SOURCE_DATE_EPOCH": "0"})),
    "another builder": lambda p: digest(p, builder="other docker-container"),
    "fewer platforms": lambda p: digest(p, request=Request(platforms=(ARM64,))),
}
SAME: dict[str, Callable[[Project], str]] = {
    "nothing": digest,
    "another registry or tag": lambda p: digest(
        p, replace(PLAIN, variables={**PLAIN.variables, "REGISTRY": "r", "TAG": "t"})
    ),
    "certificates": lambda p: digest(p, replace(PLAIN, variables={**PLAIN.variables, "CA_BUNDLE": "ca.pem"})),
    "an environment that no build reads": lambda p: digest(p, replace(PLAIN, environment={"HOME": "/root"})),
    "a file that no stage reads": lambda p: digest(p.write({"README": "x"})),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_alters_a_result_alters_its_inputs(line: Project, name: str) -> None:
    before = digest(line.set(variables={"CHANNEL": "stable"}))
    after = ALTERED[name](line)
    assert before
    assert after not in ("", before)


@pytest.mark.parametrize("name", SAME)
def test_what_alters_no_result_does_not(line: Project, name: str) -> None:
    assert digest(line) == SAME[name](line)


def test_the_files_of_a_wheelhouse_count(line: Project) -> None:
    settings = replace(PLAIN, variables={**PLAIN.variables, "WHEELHOUSE": "wheels"})
    before = digest(line, settings)
    line.write({"wheels/a.whl": "x"})
    assert digest(line, settings) != before


def test_what_cannot_be_known_is_never_up_to_date(line: Project) -> None:
    assert digest(line, replace(PLAIN, overrides=("*.args.A=b",))) == ""
    assert digest(line, bases={BASE: ("", "")}) == ""


def test_tests_have_a_digest_of_their_own(line: Project) -> None:
    target = line.plan().targets[0]
    assert digest_of_tests(replace(target, tests=())) == ""
    assert digest_of_tests(replace(target, tests=((AMD64, "a"),))) != digest_of_tests(
        replace(target, tests=((AMD64, "b"),))
    )


def finished(references: dict[str, str]) -> Finished:
    return Finished("app-cpu", (ARM64,), "push", "r", "t", references=references)


def test_a_part_is_expected_where_it_was_pushed_and_nowhere_else(line: Project) -> None:
    plan = line.plan(Request(platforms=(ARM64,)))
    name = plan.targets[0].bake_target.name
    here = replace(PLAIN, variables={"REGISTRY": "acme"})
    digested = finished({"docker.io/acme/app": "sha256:aa"})
    tagged = finished({"docker.io/acme/app:cpu-arm64-00": "sha256:aa"})
    assert expected_references(plan, here, name, digested) == ["docker.io/acme/app@sha256:aa"]
    assert expected_references(plan, here, name, tagged) == ["docker.io/acme/app:cpu-arm64-00"]
    for known in (digested, tagged):
        elsewhere = replace(PLAIN, variables={"REGISTRY": "acme/other"})
        assert expected_references(plan, elsewhere, name, known) == ["docker.io/acme/other/app"]


def test_a_whole_image_is_expected_under_its_declared_tags(line: Project) -> None:
    plan = line.plan()
    settings = replace(PLAIN, variables={"REGISTRY": "localhost:5000/x", "TAG": "1.2"})
    name = plan.targets[0].bake_target.name
    assert expected_references(plan, settings, name, finished({})) == ["localhost:5000/x/app:1.2-cpu"]


def test_another_targets_base_is_not_among_a_targets_inputs(line: Project) -> None:
    """A mirror gives a value to the variable of every base; a target that comes later must not make others stale."""
    mirrors = Settings(environment={}, mirrors={"debian": "mirror.example.com/debian"})
    before = digest(line, mirrors)
    base = "name: other\nfamily: cpu\nsummary: another\nplatforms: [linux/amd64]\nos: debian:12\npython: '3.11'\n"
    line.write({"targets/other.yaml": f"{base}base: {{image: 'debian:trixie-slim'}}\ntag_suffix: other\n"})
    line.images(app=["a", "b", "c", "d"], tool={"recipes": ["c"], "targets": ["other"]})
    after = digest(line, mirrors, request=Request(targets=("cpu",)))
    assert before
    assert after == before
