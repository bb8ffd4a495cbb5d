"""The documentation's pages: all are in the site, all commands in them are run or say why not, all options exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from documentation.blocks import ROOT, all_blocks, pages
from edgebake.cli.main import app

DOCS = ROOT / "docs"
COMMAND = typer.main.get_command(app())
OF_OTHERS = {
    *("--no-deps", "--link", "--platform=$BUILDPLATFORM"),  # of pip and of Dockerfiles
    *("--jobs", "--allow"),  # of docker buildx bake
    *("--count", "--seed", "--no-caches", "--quick", "--buildx"),  # of the example's and the benchmarks' scripts
    *("--cache-to", "--ccache-dir", "--skip-tests", "--no-github-api"),  # of jetson-containers
}
"""Options of other programs that pages name in running text."""

_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(<?([^)\s#]+)(?:#[^)\s]*)?\)")
_CALL = re.compile(r"(?:^|[\s(|&;])edgebake((?:\s+[^\s|;&]+)+)")


def _nav(entries: Any) -> Iterator[str]:
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [value] if isinstance(value, str) else _nav(value)


def test_every_page_is_in_the_site() -> None:
    nav = list(_nav(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    found = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert found - set(nav) == set(), "name these pages in `nav` of mkdocs.yml"
    assert set(nav) - found == set(), "`nav` of mkdocs.yml names pages that are not there"
    assert len(nav) == len(set(nav))


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_stay_in_the_site(path: Path) -> None:
    text = re.sub(r"^( *)```.*?^\1```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in _LINK.findall(text):
        if not link.startswith(("http://", "https://", "mailto:")):
            target = (path.parent / link).resolve()
            hint = "name a file of the repository as `code`: the site has only docs/"
            assert target.is_relative_to(DOCS), f"{path.name}: {link}: {hint}"
            assert target.is_file(), f"{path.name}: {link} is not there"


def test_blocks_with_commands_say_so() -> None:
    for block in all_blocks():
        prompt = bool(block.lines) and block.lines[0].startswith("$ ")
        assert not prompt or block.language == "console", f"{block.at}: begin it with ```console, so that it is run"
        if block.language == "console":
            assert block.commands()


def test_what_is_not_run_has_a_reason() -> None:
    left = [block for block in all_blocks() if block.is_command and not block.is_run]
    assert all(len(block.not_run) > 10 for block in left)


# ── options


def _texts(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for block in all_blocks_of(path):
        if block.is_command:
            script = "\n".join(block.lines).replace("\\\n", " ")
            yield from (line.removeprefix("$ ") for line in script.split("\n") if _is_call(block.language, line))
    yield from _SPAN.findall(re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL))


def all_blocks_of(path: Path) -> Iterator[Any]:
    page = path.relative_to(ROOT).as_posix()
    return (block for block in all_blocks() if block.page == page)


def _is_call(language: str, line: str) -> bool:
    return line.startswith("$ ") or language != "console"


def _words(call: str) -> list[str]:
    plain = re.sub(r"[\[\]…{}()]|\\\|", " ", call.split(" -- ")[0].split(" #")[0])
    try:
        return shlex.split(plain)
    except ValueError:
        return plain.split()


def _taking_a_value(command: Any) -> set[str]:
    return {name for one in command.params if not getattr(one, "is_flag", True) for name in one.opts}


def _options_of(command: Any) -> set[str]:
    return {"-h", "--help", *(name for one in command.params for name in (*one.opts, *one.secondary_opts))}


def wrong_options(text: str) -> list[str]:
    """Return which commands and options of `edgebake` a text names that are not there."""
    alternatives = re.sub(r"\\?\|(?=\s*-)", " ", text)  # [--push | --load]
    return [told for call in _CALL.findall(alternatives) for told in _wrong_in(_words(call))]


def _wrong_in(words: list[str]) -> Iterator[str]:
    command, path = COMMAND, "edgebake"
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and word.strip("-"):
            name, _, value = word.rstrip(",.:").partition("=")
            if name not in _options_of(command):
                yield f"{path} has no {name}"
            elif name in _taking_a_value(command) and not value:
                next(rest, None)
        elif hasattr(command, "commands") and re.fullmatch(r"[a-z]+", word):
            if word not in command.commands:
                yield f"{path} has no command {word}"
                return
            command, path = command.commands[word], f"{path} {word}"


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_and_options_exist(path: Path) -> None:
    wrong = [f"{told} (in `{text}`)" for text in _texts(path) for told in wrong_options(text)]
    assert not wrong, "\n".join(wrong)


def _all_options(command: Any) -> set[str]:
    return _options_of(command).union(*(_all_options(one) for one in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_option_without_its_command_is_one_of_some_command(path: Path) -> None:
    known = _all_options(COMMAND) | OF_OTHERS
    text = re.sub(r"^( *)```.*?^\1```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    named = {span.split()[0] for span in _SPAN.findall(text) if re.match(r"--[a-z]", span)}
    wrong = {one for one in named if re.split(r"[=\\|\[]", one)[0] not in known and one not in known}
    assert not wrong, f"no command has {sorted(wrong)}; options of other programs are listed in OF_OTHERS"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("edgebake plan --json", []),
        ("edgebake -C x bake [--push \\| --load]", []),
        ("edgebake plan --jsn", ["edgebake plan has no --jsn"]),
        ("x=$(edgebake bakes)", ["edgebake has no command bakes"]),
        ("edgebake builder check --use", ["edgebake builder check has no --use"]),
        ("edgebake run IMAGE -- CMD --anything", []),
    ],
)
def test_what_is_wrong_is_found(text: str, wrong: list[str]) -> None:
    assert wrong_options(text) == wrong
