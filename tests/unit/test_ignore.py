"""`.dockerignore` semantics as a table; tests/e2e/test_ignore_engine.py holds it against a real engine."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.errors import EdgebakeError
from edgebake.load.ignore import IgnoreRules, Rule


def rules(text: str) -> IgnoreRules:
    return IgnoreRules.parse(text, path="app/.dockerignore")


def ignored(text: str, *paths: str) -> list[str]:
    found = rules(text)
    return [path for path in paths if found.ignores(path)]


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        # plain paths match themselves and all beneath, from the top only
        ("a", ["a", "a/b", "a/b/c"], ["b", "ab", "b/a", "A"]),
        ("a/b", ["a/b", "a/b/c"], ["a", "b", "x/a/b"]),
        ("a.b+c(d)|{e}$", ["a.b+c(d)|{e}$"], ["axb+c(d)|{e}$", "a.bc"]),
        ("a^b", ["a^b"], ["ab"]),
        # cleaning
        ("/a", ["a"], ["b/a"]),
        ("//a", ["a"], []),
        ("a/", ["a", "a/b"], []),
        ("./a//b/.", ["a/b"], ["a"]),
        ("x/../a", ["a"], ["x"]),
        ("/../a", ["a"], []),
        ("../a", [], ["a", "../a"]),
        (".", [], ["a", "."]),
        ("/", [], ["a"]),
        ("  a \t", ["a"], ["  a"]),
        ("\u2003a\u3000", ["a"], []),
        ("\x1ca", ["\x1ca"], ["a"]),
        # one part of a path
        ("*", ["a", "a/b", "a\nb"], []),
        ("*.pyc", ["a.pyc", ".pyc", "a.pyc/x"], ["a/b.pyc", "a.py"]),
        ("a*c", ["ac", "abc", "abbc/x"], ["a/c", "abcd"]),
        ("*/b", ["a/b", "a/b/c"], ["b", "a/c", "a/x/b"]),
        ("a?", ["ab", "aé"], ["a", "abc", "a/"]),
        ("[ab]c", ["ac", "bc"], ["cc", "c"]),
        ("[^ab]c", ["cc", "xc"], ["ac", "bc"]),
        ("[!a]c", ["!c", "ac"], ["bc"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[[]x]", ["[x]"], ["x"]),
        ("[\\]\\-]", ["]", "-"], ["\\"]),
        ("a]", ["a]"], ["a"]),
        # escapes
        ("\\!a", ["!a"], ["a"]),
        ("\\#a", ["#a"], ["a"]),
        ("a\\*", ["a*"], ["ab"]),
        ("a\\\\b", ["a\\b"], ["ab"]),
        # any depth
        ("**", ["a", "a/b", "a\nb"], []),
        ("**/a", ["a", "x/a", "x/y/a", "x/a/z"], ["xa", "ab"]),
        ("**a", ["a", "xa", "y/xa"], ["ab"]),
        ("**/*.y", ["x.y", "a/x.y", "a/b/x.y"], ["x.z"]),
        ("**a*", ["a", "x/ab"], ["xa"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "ab"]),
        ("a**", ["a", "ab", "a/b", "ab/c"], ["b", "x/a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/c"], ["a/xb", "b"]),
        ("a**b", ["ab", "ax/b"], ["axb"]),
        ("a/**/**/b", ["a/b", "a/x/y/b"], ["a"]),
        ("*/**", ["a/b", "a/b/c"], ["a"]),
        ("***", ["a", "a/b"], []),
    ],
)
def test_one_pattern(pattern: str, matching: list[str], other: list[str]) -> None:
    assert ignored(pattern, *matching, *other) == matching


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*\n!a", ["b", "b/c"]),
        ("*\n!b/c", ["a", "a/b", "a/b/c", "b"]),
        ("!a\n*", ["a", "a/b", "a/b/c", "b", "b/c"]),
        ("*\n!a\na/b", ["a/b", "a/b/c", "b", "b/c"]),
        ("a\n!a/b", ["a"]),
        ("a\n!a/b\na/b/c", ["a", "a/b/c"]),
        ("**\n!**/c", ["a", "a/b", "b"]),
        ("*\n! a", ["b", "b/c"]),
        ("*\n!/a/", ["b", "b/c"]),
        # "!a" has nothing to except at a, and does not match a/b itself: it is not inherited
        ("a/b\n!a", ["a/b", "a/b/c"]),
        # the slash goes first, then the next reader takes the "!" for its own
        ("*\n/!a", ["b", "b/c"]),
    ],
)
def test_the_last_match_wins(text: str, expected: list[str]) -> None:
    assert ignored(text, "a", "a/b", "a/b/c", "b", "b/c") == expected


def test_comments_blank_lines_line_ends_and_byte_order_mark() -> None:
    found = rules("\ufeffa\r\n# b\n\n   \n #c\nd # e\n!\tf\r\n")
    assert found.render() == ["a", "/#c", "d # e", "!f"]
    assert found.ignores("#c")
    assert not found.ignores("b")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a[", "A character class is empty or not closed."),
        ("a[]", "A character class is empty or not closed."),
        ("a[^]", "A character class is empty or not closed."),
        ("[a-]", "A character class is empty or not closed."),
        ("[b-a]", "The range b-a runs backwards."),
        ("a\\", "It ends with a backslash."),
        ("src\\data", "Docker misreads '\\\\d'."),
        ("\\é", "Docker misreads '\\\\é'."),
        ("[\\w]", "Docker misreads '\\\\w'."),
        ("[*]", "Docker misreads '*' in a character class."),
        ("[a?]", "Docker misreads '?' in a character class."),
        ("[[:alpha:]]", "Docker treats '[:' in a character class as the start of a class name."),
        ("a^*", "Docker treats '^' next to wildcards as the start of the path."),
        (" \ufeffa", "It starts with a byte order mark, which is allowed only at the start of a file."),
    ],
)
def test_a_bad_pattern_is_told_with_its_place(pattern: str, reason: str) -> None:
    with pytest.raises(EdgebakeError, match="is not a valid pattern") as caught:
        rules(f"a\n# comment\n  !{pattern}\n")
    assert str(caught.value.at) == "app/.dockerignore:3:3"
    assert caught.value.reason == reason


@pytest.mark.parametrize("line", ["!", "! ", "!/", "/!"])
def test_an_exception_of_nothing_is_an_error(line: str) -> None:
    with pytest.raises(EdgebakeError, match="'!' needs a pattern"):
        rules(line)


@pytest.mark.parametrize(
    ("prefix", "text", "lines"),
    [
        ("app", "*.pyc\n!keep", ["app/*.pyc", "!app/keep"]),
        ("app/", "/a/", ["app/a"]),
        ("./a/b", "c", ["a/b/c"]),
        (".", "c\n!d", ["c", "!d"]),
        ("app", "**/x\n**", ["app/**/x", "app/**"]),
        ("app", "**x", ["app/**/*x"]),
        ("app", ".\n..\n../x\n/", []),
        ("a*b[c]^", "x^", ["a\\*b\\[c\\]\\^/x\\^"]),
        ("#a", "x", ["\\#a/x"]),
        ("!a", "x\n!y", ["\\!a/x", "!\\!a/y"]),
        (" a", "x", ["[ ]a/x"]),
    ],
)
def test_under_moves_rules_into_a_folder(prefix: str, text: str, lines: list[str]) -> None:
    assert rules(text).under(prefix).render() == lines


@pytest.mark.parametrize("prefix", ["/a", "..", "../a", "a/../../b", "a\nb"])
def test_under_needs_a_folder_of_the_context(prefix: str) -> None:
    with pytest.raises(EdgebakeError, match="cannot be named in an ignore file"):
        rules("a").under(prefix)


def test_under_matches_there_what_matched_at_the_top() -> None:
    found = rules("**x\n!a/x\n/b/*\n")
    paths = ["x", "yx", "a/x", "a/yx", "b/c", "b", "z"]
    for prefix in ("app", "a*b", "!x y", " #"):
        moved = found.under(prefix)
        assert [path for path in paths if moved.ignores(f"{prefix}/{path}")] == ["x", "yx", "a/yx", "b/c"]
        assert not any(map(moved.ignores, paths))


def test_sealed_rules_hold_against_any_exception() -> None:
    secrets = rules(".git\n**/*.pem\n**.key\n/keys/**")
    for opening in ("!.git", "!.git/config", "!**", "!*", "!.git/**/*", "!a/b.pem", "!keys/a"):
        found = rules(f"*\n{opening}").sealed(secrets)
        hidden = [
            ".git",
            ".git/config",
            ".git/a/b",
            "b.pem",
            "a/b.pem",
            "a/b.pem/c",
            "x.key/y",
            "keys/a",
            "keys/a/b",
        ]
        assert [path for path in hidden if not found.ignores(path) or found.empties(path)] == []


def test_sealing_rules_cannot_have_exceptions() -> None:
    with pytest.raises(ValueError, match="cannot have exceptions"):
        rules("a").sealed(rules("!b"))


def test_a_file_is_emptied_where_buildkit_contradicts_itself() -> None:
    assert rules("a\n!a/b\na").empties("a/b")
    assert not rules("a\n!a/b").empties("a/b")
    assert not rules("a\n!a/b\na/b").empties("a/b")
    assert not rules("a/b\n!a").empties("a/b"), "it is left out, so there is nothing to empty"


@pytest.mark.parametrize(
    ("text", "folder", "expected"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a", "a/b", True),
        ("a\n!b", "a", True),
        ("a\n!ab/c", "a", True),
        ("a\n!a/b", "a", False),
        ("a\n!a/b/c", "a/b", False),
        ("a\n!a/b/c", "a/x", True),
        ("a\n!b/**/c", "a", True),
        ("a\n!a*/c", "a", False),
        ("a\n!**/c", "a", False),
    ],
)
def test_a_folder_is_skipped_only_if_nothing_in_it_can_come_back(text: str, folder: str, expected: bool) -> None:
    assert rules(text).ignores_all_in(folder) is expected


PIECES = st.sampled_from([*"ab/*?!#^$ .", "**", "/", "[ab]", "[^a]", "\\*", "\\!", "é", "..", "\u2003", "x.y", "]"])
LINES = st.lists(st.lists(PIECES, min_size=1, max_size=6).map("".join), max_size=6)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "!", "#", "x.y", "*", " a"]), min_size=1, max_size=4).map(
    "/".join
)


def accepted(lines: list[str]) -> IgnoreRules:
    found: list[Rule] = []
    for line in lines:
        try:
            found += rules(line).rules
        except EdgebakeError:
            continue
    return IgnoreRules(tuple(found))


@given(LINES, st.sampled_from([".", "app", "a*b", "[x]", " s", "#", "!x", "^", "a b/c"]))
def test_rendered_lines_are_the_same_rules(lines: list[str], prefix: str) -> None:
    found = accepted(lines).under(prefix)
    assert rules("\n".join(found.render())) == found
    assert hash(rules("\n".join(found.render()))) == hash(found)


@given(LINES, PATHS)
def test_what_is_skipped_is_ignored(lines: list[str], path: str) -> None:
    found = accepted(lines)
    folder = path.rpartition("/")[0]
    if folder and found.ignores_all_in(folder):
        assert found.ignores(path)


@given(LINES, LINES, PATHS)
def test_sealing_is_a_union(lines: list[str], sealing: list[str], path: str) -> None:
    inner = accepted(lines)
    seal = IgnoreRules(tuple(rule for rule in accepted(sealing).rules if not rule.exception))
    both = inner.sealed(seal)
    assert both.ignores(path) == (inner.ignores(path) or seal.ignores(path))


def test_ten_thousand_files_by_fifty_rules_are_fast() -> None:
    lines = [f"**/cache{number}/*.tmp\n!keep{number}/*\nbuild{number}/**" for number in range(17)]
    found = rules("\n".join(lines))
    paths = [f"folder{number % 100}/sub{number % 7}/file{number}.py" for number in range(10_000)]
    start = time.perf_counter()
    assert not any(map(found.ignores, paths))
    assert time.perf_counter() - start < 5, "it takes a tenth of a second on an idle machine"
