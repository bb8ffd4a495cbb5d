"""Quoted strings come back from the real `docker buildx bake --print` as they went in. Needs no engine."""

from __future__ import annotations

import json
import subprocess
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.templating.quote import hcl_string, hcl_template, json_string, json_template
from integration.engine import needs_buildx

# Values of variables that would do harm if they were read as source, or expanded twice.
VARIABLES = {"TAG": 'v1"${REGISTRY}%{x}\\', "REGISTRY": "localhost:5000/é"}
AWKWARD = [*"\"'\\$%{}~<>#\n\r\t\0\x01\x7f a1é\u2028\ufeff\x85\u200d😀", "${TAG}", "${REGISTRY}", "$", "$${", "%{"]
# Unassigned characters (Cn) may be composed by the newer Unicode tables of bake, and not yet by Python's.
CHARACTERS = st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs", "Cn"]))
TEXTS = st.lists(CHARACTERS, max_size=12).map(lambda parts: unicodedata.normalize("NFC", "".join(parts)))


pytestmark = needs_buildx


def hcl_file(texts: Sequence[str]) -> str:
    lines = [f'variable "{name}" {{ default = {hcl_string(value)} }}' for name, value in VARIABLES.items()]
    lines += ['target "t" {', "  args = {"]
    for number, text in enumerate(texts):
        lines += [
            f"    literal{number} = {hcl_string(text)}",
            f"    template{number} = {hcl_template(text, VARIABLES)}",
        ]
    return "\n".join([*lines, "  }", "}", ""])


def json_file(texts: Sequence[str]) -> str:
    variables = [f'"{name}": {{"default": {json_string(value)}}}' for name, value in VARIABLES.items()]
    args = [f'"literal{number}": {json_string(text)}' for number, text in enumerate(texts)]
    args += [f'"template{number}": {json_template(text, VARIABLES)}' for number, text in enumerate(texts)]
    return f'{{"variable": {{{", ".join(variables)}}}, "target": {{"t": {{"args": {{{", ".join(args)}}}}}}}}}'


def printed_args(name: str, content: str) -> dict[str, str]:
    """Return the args of target t that bake understands from `content`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_text(content, encoding="utf-8", newline="")
        command = ["docker", "buildx", "bake", "-f", name, "--print", "t"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    args: dict[str, str] = json.loads(done.stdout)["target"]["t"]["args"]
    # What --print writes is a bake file again: it doubles the markers (MarshalJSON in buildx's bake/bake.go).
    return {key: value.replace("$${", "${").replace("%%{", "%{") for key, value in args.items()}


def with_values(text: str) -> str:
    parts = text.split("${TAG}")
    return VARIABLES["TAG"].join(part.replace("${REGISTRY}", VARIABLES["REGISTRY"]) for part in parts)


@pytest.mark.parametrize(("name", "render"), [("docker-bake.hcl", hcl_file), ("docker-bake.json", json_file)])
@settings(max_examples=15, deadline=None)
@given(texts=st.lists(TEXTS, min_size=40, max_size=100))
def test_bake_reads_what_was_meant(name: str, render: Callable[[Sequence[str]], str], texts: list[str]) -> None:
    args = printed_args(name, render(texts))
    for number, text in enumerate(texts):
        assert args[f"literal{number}"] == text
        assert args[f"template{number}"] == with_values(text)


def test_every_character_of_the_first_blocks() -> None:
    texts = [unicodedata.normalize("NFC", f"a{chr(code)}b") for code in range(0x400)]
    args = printed_args("docker-bake.hcl", hcl_file(texts))
    assert [args[f"literal{number}"] for number in range(len(texts))] == texts
    args = printed_args("docker-bake.json", json_file(texts))
    assert [args[f"literal{number}"] for number in range(len(texts))] == texts


def test_bake_does_compose_characters() -> None:
    """The reason why :func:`hcl_string` refuses such text: bake changes it, and says nothing."""
    assert printed_args("docker-bake.hcl", 'target "t" { args = { a = "e\u0301" } }') == {"a": "é"}
