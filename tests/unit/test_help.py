"""`--help` of every command: a summary, when to use it, and an example whose options parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from edgebake.cli.help import summary_of
from edgebake.cli.main import app

ROOT = typer.main.get_command(app())
EXAMPLE = re.compile(r"^[ \t]*Example: (.*)$", re.MULTILINE)


def commands(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, by its words."""
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield path, command
    for name, one in (subcommands or {}).items():
        if not one.hidden:
            yield from commands(one, (*path, name))


ALL = dict(commands())
EXAMPLES = [(path, text) for path, command in ALL.items() for text in EXAMPLE.findall(command.help or "")]


def test_there_are_commands() -> None:
    assert len(ALL) >= 24
    assert ("builder", "check") in ALL


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_says_what_it_does_and_when(path: tuple[str, ...]) -> None:
    command = ALL[path]
    summary, *rest = (command.help or "").split("\n\n")
    assert summary.rstrip().endswith("."), "the first paragraph is a sentence"
    assert any(not EXAMPLE.match(one) for one in rest), "a second paragraph says when to use it"
    assert EXAMPLE.search(command.help), "a paragraph of its own is `Example: edgebake …`"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_parameter_is_explained(path: tuple[str, ...]) -> None:
    for parameter in ALL[path].params:
        assert parameter.help, f"{parameter.name} has no help"


def test_commands_are_in_groups_with_whole_summaries() -> None:
    text = ROOT.get_help(ROOT.context_class(ROOT, info_name="edgebake", max_content_width=100))
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Options", "Build", "Publish", "Understand", "On the board", "Catalogue", "Project"]
    words = " ".join(text.split())
    for name, command in ROOT.commands.items():
        assert f" {name} {summary_of(command.help)}" in words
    assert "..." not in words.replace("[ARGS]...", "")


def test_examples_are_not_wrapped() -> None:
    command = ALL["plan",]
    text = command.get_help(command.context_class(command, info_name="plan", terminal_width=60))
    assert all(f"\n  {example}\n" in f"{text}\n" for path, example in EXAMPLES if path == ("plan",))


def parse(text: str) -> tuple[str, ...]:
    """Parse a call without running it; return the command's words.

    Raises:
        Exception: of click's, for what the command line refuses.
    """
    words = shlex.split(re.split(r" [|>] ", text)[0])
    if "$(edgebake" in words:  # docker run $(edgebake autotag pytorch)
        words = words[words.index("$(edgebake") :]
        words = [word.rstrip(")") for word in words]
    assert words.pop(0).lstrip("$(") == "edgebake", text
    command, context, path = ROOT, None, ()
    while hasattr(command, "commands"):
        while words[0].startswith("-"):
            words = words[2:]
        name, *words = words
        command, path = command.commands[name], (*path, name)
    context = command.make_context(name, list(words), resilient_parsing=False)
    assert context.command is command
    return path


@pytest.mark.parametrize(("path", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])
def test_an_example_parses(path: tuple[str, ...], text: str) -> None:
    assert parse(text) == path


def test_what_does_not_parse_is_found() -> None:
    with pytest.raises(Exception, match="--jsn"):
        parse("edgebake plan --jsn")
    with pytest.raises(KeyError):
        parse("edgebake plann")
