"""`{{ … }}` in recipes and projects: what it sees, and what a mistake gets."""

from __future__ import annotations

from typing import Any

import pytest

from edgebake.errors import EdgebakeError, Position
from edgebake.model.target import Target
from edgebake.templating.values import VersionFact, dotted, render_value, target_scope
from integration.projects import ARM64, BOARD, CPU

AT = Position("recipe.yaml", 3, 5)


def render(text: str, target: dict[str, Any] = BOARD, platform: str | None = ARM64) -> str:
    return render_value(text, target_scope(Target.model_validate(target), platform), lambda: AT, "env.X")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain {text}", "plain {text}"),
        ("${TAG}", "${TAG}"),
        ("{{ cuda }}", "12.6"),
        ("cu{{ cuda.nodot }}", "cu126"),
        ("{{ cuda.major }}-{{ cuda.minor }}", "12-6"),
        ("{{ python.nodot }}", "310"),
        ("{{ sm | dotted }}", "8.7"),
        ("{{ target.tag_suffix }}", "b1"),
        ("{{ platform }}", "linux/arm64"),
        ("{{ SYSTEM_ARCH }}", "aarch64"),
        ("{{ IS_TEGRA }}", "1"),
        ("{% if family == 'jetpack' %}yes{% else %}no{% endif %}", "yes"),
        ("${TAG}-{{ family }}", "${TAG}-jetpack"),
    ],
)
def test_values_are_filled_in(text: str, value: str) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ cudda }}", "'cudda' is undefined"),
        ("{{ target.nope }}", "has no attribute 'nope'"),
        ("{{ cuda", "invalid template"),
        ("{% for %}", "invalid template"),
        ("{{ 1 / 0 }}", "has no value: division by zero"),
        ("{{ 'a\\nb' }}", "expands to more than one line"),
        ("{{ 'a\\x00b' }}", "expands to more than one line"),
        ("{{ tensorrt }}", "it is undefined on this target"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ target.__init__ }}", "unsafe"),
        ("{{ sm.append('1') }}", "sm"),
    ],
)
def test_a_mistake_is_told_at_its_position(text: str, told: str) -> None:
    with pytest.raises(EdgebakeError) as caught:
        render(text)
    assert caught.value.at == AT
    assert caught.value.message.startswith("env.X: ")
    assert told in str(caught.value)


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(EdgebakeError, match=r"hint: templates can use: .*cuda, .*platform, .*target"):
        render("{{ nope }}")


@pytest.mark.parametrize("text", ["{{ platform }}", "{{ SYSTEM_ARCH }}"])
def test_a_stage_of_the_build_platform_does_not_know_it(text: str) -> None:
    with pytest.raises(EdgebakeError, match="is undefined"):
        render(text, platform=None)


def test_facts_that_a_target_lacks_can_be_asked_for() -> None:
    assert render("{{ 'gpu' if cuda else 'none' }}", CPU) == "none"


def test_templates_cannot_run_forever() -> None:
    with pytest.raises(EdgebakeError):
        render("{% for a in range(10**9) %}x{% endfor %}")


@pytest.mark.parametrize(
    ("version", "nodot", "major", "minor"),
    [
        ("12.6", "126", "12", "6"),
        ("12.6.85", "126", "12", "6"),
        ("12", "12", "12", "0"),
        ("3.10", "310", "3", "10"),
    ],
)
def test_versions_have_parts(version: str, nodot: str, major: str, minor: str) -> None:
    fact = VersionFact(version)
    assert (fact.nodot, fact.major, fact.minor) == (nodot, major, minor)


@pytest.mark.parametrize(
    ("sm", "text"),
    [(("87",), "8.7"), (("72", "87", "90a"), "7.2;8.7;9.0a"), (("100", "120"), "10.0;12.0"), ((), "")],
)
def test_gpu_architectures_are_written_as_pytorch_does(sm: tuple[str, ...], text: str) -> None:
    assert dotted(sm) == text
