"""How the lint reads shell scripts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.lint.shell import commands


def programs(text: str) -> list[str]:
    return [command.program for command in commands(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b; c && d || e | f & g\nh", ["a", "c", "d", "e", "f", "g", "h"]),
        ("if ! a; then b; else c; fi", ["a", "b", "c", "fi"]),
        ("X=1 Y=$Z sudo -E env A=b /usr/bin/a", ["a"]),
        ("timeout 60 a", ["a"]),
        ("bash /run/eb/with-ca.sh a b", ["a"]),
        ("RUN --mount=type=cache,target=/x \\\n    a b", ["a"]),
        ("a \\\n  b \\\n  c\nd", ["a", "d"]),
        ("x=$(a b)", ["a"]),
        ("`a`; (b); { c; }", ["a", "b", "c"]),
        ("# a\nb # c\nd#e", ["b", "d#e"]),
        ("echo \"a; b\" 'c; d' e\\;f", ["echo"]),
        ("cat <<EOF >x\na\nEOF\nb", ["cat", "b"]),
        ("cat <<-'EOF'\n\ta\n\tEOF\nb", ["cat", "b"]),
        ('a <<<"$x"\nb', ["a", "b"]),
        ("a >/dev/null 2>&1 | b", ["a", "b"]),
        ("a | bash", ["a", "bash"]),
        ('x="$(a "$b" c)" d "$(e)"', ["a", "e", "d"]),
        ('"$(a $(b))"', ['"', "a", "b", '"']),  # not understood, and yet no command is lost
        ("'$(a)'", ["$(a)"]),
        ("", []),
    ],
)
def test_commands_are_split_as_a_shell_does(text: str, expected: list[str]) -> None:
    assert programs(text) == expected


def test_arguments_are_without_quotes_and_places_are_known() -> None:
    (inner,) = [command for command in commands('set -e\n  x="$(a)"') if command.program == "a"]
    assert (inner.line, inner.column) == (2, 8)
    (one, two) = commands("set -e\n  curl \"$A\"/'b c' -o x | sudo bash -s\n")[1:]
    assert (one.line, one.column, one.arguments, one.piped) == (2, 3, ("$A/b c", "-o", "x"), True)
    assert (two.program, two.before, two.piped) == ("bash", ("sudo",), False)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab '\"\\\n$(){}`|&;<>#-=EOF!"))
def test_any_text_can_be_read(text: str) -> None:
    lines = text.count("\n") + 1
    assert all(1 <= command.line <= lines for command in commands(text))
