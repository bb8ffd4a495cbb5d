"""What comes from outside commands no terminal."""

from __future__ import annotations

import ast
import io
import json
import sys
import unicodedata
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgebake.cli import console
from edgebake.execute.progress.plain import Plain
from edgebake.model.recipe import Recipe
from edgebake.text.printable import escaped, printable

HOSTILE = {
    "a\x1b[31mred\x1b[0m": "ared",
    "a\x1b[2J\x1b[1;1Hb": "ab",
    "a\x1b]0;title\x07b": "ab",
    "a\x1b]8;;http://evil\x1b\\link": "a\\link",
    "a\x9b31mb\x9d0;t\x07c": "abc",
    "a\rb\x08\x7fc\0": "abc",
    "user\u202enimda\u202c": "usernimda",
    "a\u2066b\u2069\u200bc\ufeff": "abc",
    "a\u2028b": "ab",
    "é → 日本 ✓\t\n": "é → 日本 ✓\t\n",
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_what_a_terminal_would_obey_is_removed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_every_control_and_format_character_is_removed() -> None:
    left = [
        c for c in map(chr, range(0x110000)) if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and printable(c)
    ]
    assert left == ["\t", "\n"]


def test_json_stays_the_same_and_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(list(HOSTILE), ensure_ascii=False)
    assert json.loads(escaped(text)) == list(HOSTILE)
    assert printable(escaped(text)) == escaped(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_all_that_prints_removes_it(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_text(text, console.table(["name"], [[text]]), console.columns([[text, text]]))
    console.print_notes(text)
    console.print_error(text)
    console.write_text(text)
    stream = io.StringIO()
    Plain(stream).retry("1", 2, text)
    written = capsys.readouterr()
    for output in (written.out, written.err, stream.getvalue()):
        assert printable(output) == output
        assert "\r" not in output


def test_colours_of_edgebake_s_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.text import Text

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert console.render(Text("a\x1b[2Jb", style="red")) == "\x1b[31mab\x1b[0m"


def test_commands_print_through_the_console_alone() -> None:
    """Nothing else in `cli/` writes to a stream, but for texts that are constant."""
    source = Path(console.__file__).parent
    found = []
    for path in sorted(source.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.echo", "print", "sys.stderr.write"):
                found.append(f"{path.relative_to(source)}: {ast.unparse(node.args[0])}")
    assert sorted(one for one in found if not one.startswith("console.py")) == [
        "launch.py: f'error: it was still running after {timeout:g} s, and was stopped'",
        "main.py: 'interrupted'",
        "main.py: f'edgebake {__version__}'",
        "main.py: f'error: cannot write the output: {error.strerror}'",
        "main.py: text",
        "options.py: f'edgebake: {printable(text)}'",
        "remembered.py: output.err",
        "remembered.py: output.out",
    ]


@pytest.mark.parametrize("text", ["a\u202eb", "a\u200bb", "a\u2066b"])
def test_models_reject_them(text: str) -> None:
    for fields in ({"summary": text}, {"summary": "x", "env": {"A": text}}, {"summary": "x", "name": text}):
        with pytest.raises(ValidationError):
            Recipe.model_validate({"name": "a", **fields})
