"""Tables and columns as commands print them through a pipe."""

from __future__ import annotations

import pytest

from edgebake.cli.console import columns, print_text, render, table


def test_wide_characters_take_two_columns() -> None:
    text = render(table(("NAME", "SUMMARY"), [("日本", "one"), ("plain", "two")]))
    assert text.splitlines() == ["NAME   SUMMARY", "日本   one", "plain  two"]


def test_columns_are_indented_and_have_no_header() -> None:
    assert render(columns([("a", "b"), ("cc", "d")], indent=2)) == "  a   b\n  cc  d"


def test_text_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[bold]no markup[/] :smile: " + "long " * 100
    print_text(text, columns([(text.rstrip(), "x")]))
    assert capsys.readouterr().out == f"{text}\n{text.rstrip()}  x\n"
