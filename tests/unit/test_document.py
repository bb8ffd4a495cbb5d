"""Reading YAML and JSON: scalars stay text, every value has a position, and hostile files end in a message."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.document import MAX_BYTES, MAX_DEPTH, Document, load_document

Read = Callable[..., Document]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads a text as a file, which messages call `f.yaml` or `f.json`."""

    def read(content: str | bytes, name: str = "f.yaml") -> Document:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_document(path, name)

    return read


def told(read: Read, content: str | bytes, name: str = "f.yaml") -> str:
    """Return the whole text of the error that a file gets."""
    with pytest.raises(EdgebakeError) as caught:
        read(content, name)
    return str(caught.value)


# ── scalars


@pytest.mark.parametrize(
    "text",
    [
        "3.10",
        "22:22",
        "on",
        "yes",
        "null",
        "~",
        "0x10",
        "0o17",
        "1e3",
        ".inf",
        "2020-01-01",
        "=",
        "1_000",
        "No",
        "07",
    ],
)
def test_a_plain_scalar_is_the_text_that_is_written(read: Read, text: str) -> None:
    assert read(f"key: {text}\nlist: [{text}]\n").data == {"key": text, "list": [text]}


def test_keys_are_text_too(read: Read) -> None:
    assert read("on: a\n3.10: b\n22:22: c\nnull: d\n").data == {"on": "a", "3.10": "b", "22:22": "c", "null": "d"}


@pytest.mark.parametrize("empty", ["key:", "key: # nothing", "key: &anchor", "key: !!null"])
def test_a_key_without_a_value_is_none(read: Read, empty: str) -> None:
    assert read(f"{empty}\nother: x\n").data["key"] is None


@pytest.mark.parametrize("quoted", ["''", '""', "|", ">-"])
def test_an_empty_text_is_a_value(read: Read, quoted: str) -> None:
    assert read(f"key: {quoted}\n").data == {"key": ""}


def test_an_empty_item_of_a_list_is_none(read: Read) -> None:
    assert read("key:\n  - a\n  -\n").data == {"key": ["a", None]}


def test_block_scalars_keep_their_lines(read: Read) -> None:
    assert read("key: |\n  a\n  b\n").data == {"key": "a\nb\n"}


def test_an_alias_is_the_value_of_its_anchor(read: Read) -> None:
    assert read("a: &x {b: 1}\nc: *x\nd: [*x]\n").data == {"a": {"b": "1"}, "c": {"b": "1"}, "d": [{"b": "1"}]}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_read(read: Read, line_end: str) -> None:
    assert read(f"a: 1{line_end}b: 2{line_end}").data == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("name", "content", "column"), [("f.yaml", b"name: x", 7), ("f.json", b'{"name": "x"}', 10)]
)
def test_a_byte_order_mark_is_no_part_of_the_file(read: Read, name: str, content: bytes, column: int) -> None:
    document = read(b"\xef\xbb\xbf" + content, name)
    assert document.data == {"name": "x"}
    assert str(document.at(("name",))) == f"{name}:1:{column}"


# ── positions

NESTED = """\
# a comment
name: torch
releases:
  - version: "2.7"
    variants:
      - when: {family: jetpack, cuda: ">=12.6"}
        pip: [a, "b",
              c]
  - {version: "2.1", default: true}
"""


@pytest.mark.parametrize(
    ("location", "position"),
    [
        ((), "2:1"),
        (("name",), "2:7"),
        (("releases",), "3:1"),
        (("releases", 0), "4:5"),
        (("releases", 0, "version"), "4:14"),
        (("releases", 0, "variants", 0, "when"), "6:9"),
        (("releases", 0, "variants", 0, "when", "cuda"), "6:39"),
        (("releases", 0, "variants", 0, "pip", 2), "8:15"),
        (("releases", 1), "9:5"),
        (("releases", 1, "default"), "9:31"),
        (("releases", 0, "missing"), "4:5"),  # the nearest value around it
        (("releases", "function-wrap", 1, "version"), "9:15"),  # a part that only pydantic knows
        (("releases", 7), "3:1"),
    ],
)
def test_position_of_a_value(read: Read, location: tuple[Any, ...], position: str) -> None:
    assert str(read(NESTED).at(location)) == f"f.yaml:{position}"


@pytest.mark.parametrize(
    ("location", "position"),
    [
        (("name",), "2:1"),
        (("releases", 0, "version"), "4:5"),
        (("releases", 0, "variants", 0, "when", "cuda"), "6:33"),
        (("releases", 1, "default"), "9:22"),
    ],
)
def test_position_of_a_key(read: Read, location: tuple[Any, ...], position: str) -> None:
    assert str(read(NESTED).at(location, key=True)) == f"f.yaml:{position}"


def test_position_behind_an_alias_is_where_the_value_stands(read: Read) -> None:
    document = read("a: &x\n  b: 1\nc: *x\n")
    assert str(document.at(("c", "b"))) == "f.yaml:2:6"


def test_columns_count_characters_not_bytes(read: Read) -> None:
    assert str(read('{"ä€😀": 1, b: 2}').at(("b",))) == "f.yaml:1:15"


JSON = '{\n\t"name":"\\ud83d\\ude00 \\/",\n\t"releases"\n\t: [{"version": 3.10}, {"a": [null, true]}]\n}\n'


@pytest.mark.parametrize(
    ("location", "position"),
    [
        (("name",), "2:9"),
        (("releases", 0, "version"), "4:17"),
        (("releases", 1, "a", 1), "4:37"),
        (("releases", 1), "4:24"),
    ],
)
def test_positions_in_json(read: Read, location: tuple[Any, ...], position: str) -> None:
    assert str(read(JSON, "f.json").at(location)) == f"f.json:{position}"


def test_json_scalars_are_text(read: Read) -> None:
    content = (
        '{"a": 3.10, "b": true, "c": null, "d": 1e400, "e": 12345678901234567890, "f": "3.10", "g": [], "h": {}}'
    )
    assert read(content, "f.json").data == {
        "a": "3.10",
        "b": "true",
        "c": None,
        "d": "1e400",
        "e": "12345678901234567890",
        "f": "3.10",
        "g": [],
        "h": {},
    }


def test_json_texts_are_unescaped(read: Read) -> None:
    assert read(JSON, "f.json").data["name"] == "😀 /"


# ── files that are not what they should be


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f.yaml: the file is empty\n\nhint: fill in the file, or remove it"),
        (" \n\n", "f.yaml: the file is empty\n\nhint: fill in the file, or remove it"),
        (
            "# only\n# comments\n",
            "f.yaml: the file is empty\n  it contains only comments\n\nhint: fill in the file, or remove it",
        ),
        ("---\n", "f.yaml:1:1: the file must contain a mapping (key: value), not an empty value"),
        ("- a\n- b\n", "f.yaml:1:1: the file must contain a mapping (key: value), not a list"),
        ("hello\n", "f.yaml:1:1: the file must contain a mapping (key: value), not a single value"),
        (
            "a: 1\n---\nb: 2\n",
            (
                "f.yaml:2:1: the file is not valid YAML: a second document starts here\n"
                "  expected a single document in the stream\n"
                "\n"
                "hint: remove the line '---'"
            ),
        ),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is listed twice, first on line 1"),
        ("x: {a: 1,\n  a: 2}\n", "f.yaml:2:3: the key 'a' is listed twice, first on line 1"),
        (
            "a:\n\tb: 1\n",
            (
                "f.yaml:2:1: the file is not valid YAML: a tab is not allowed here\n"
                "  while scanning for the next token\n"
                "\n"
                "hint: indent with spaces"
            ),
        ),
        (
            "a: 1\n\tb: 1\n",
            (
                "f.yaml:2:1: the file is not valid YAML: a tab is not allowed here\n"
                "  while scanning a plain scalar\n"
                "\n"
                "hint: indent with spaces"
            ),
        ),
        (
            "a: b: c\n",
            (
                "f.yaml:1:5: the file is not valid YAML: mapping values are not allowed in this context\n"
                "\n"
                "hint: put the value in quotes if it contains ': '"
            ),
        ),
        (
            "a: @b\n",
            (
                "f.yaml:1:4: the file is not valid YAML: found character that cannot start any token\n"
                "  while scanning for the next token\n"
                "\n"
                "hint: put the value in quotes if it starts with @, ` or %"
            ),
        ),
        (
            "a: *b\n",
            (
                "f.yaml:1:4: the file is not valid YAML: found undefined alias\n"
                "\n"
                "hint: put the value in quotes if it starts with *"
            ),
        ),
        (
            "a: [1, 2\nb: 3\n",
            "f.yaml:2:2: the file is not valid YAML: did not find expected ',' or ']'\n  while parsing a flow sequence",
        ),
        ("a:\n  b: 'x\n", "f.yaml:2:6: the file is not valid YAML: the quoted text has no end"),
        ("a: x\nb: \x07\n", "f.yaml:2:4: the file is not valid YAML: control characters are not allowed"),
        ("é: x\nb: é\x00\n", "f.yaml:2:5: the file is not valid YAML: control characters are not allowed"),
        (
            "a: {{ version }}\n",
            "f.yaml:1:5: a key must be a single value\n\nhint: put a value that starts with {{ in quotes",
        ),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "f.yaml:3:3: merge keys (<<) are not supported\n\nhint: write the keys out",
        ),
        (
            "a: !!python/object/apply:os.system ['touch hacked']\n",
            (
                "f.yaml:1:4: unsupported tag '!!python/object/apply:os.system'\n"
                "\n"
                "hint: put the value in quotes if it starts with !"
            ),
        ),
        (
            "a: !secret b\n",
            ("f.yaml:1:4: unsupported tag '!secret'\n\nhint: put the value in quotes if it starts with !"),
        ),
    ],
)
def test_bad_yaml_is_told(read: Read, content: str, message: str) -> None:
    assert told(read, content) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f.json: the file is empty\n\nhint: fill in the file, or remove it"),
        ("[1]", "f.json:1:1: the file must contain a mapping (key: value), not a list"),
        ("null", "f.json:1:1: the file must contain a mapping (key: value), not an empty value"),
        ('{"a": 1', "f.json:1:8: the file is not valid JSON: Expecting ',' delimiter"),
        ("{'a': 1}", "f.json:1:2: the file is not valid JSON: Expecting property name enclosed in double quotes"),
        ('{"a": 1}\n{"b": 2}', "f.json:2:1: the file is not valid JSON: Extra data"),
        ('{"a": 1,\n "b": {"x": 1,\n  "x": 2}}', "f.json:3:3: the key 'x' is listed twice, first on line 2"),
        ('{"a": "\\ud800"}', "f.json:1:7: the text contains a lone surrogate (half of a character)"),
    ],
)
def test_bad_json_is_told(read: Read, content: str, message: str) -> None:
    hint = "\n\nhint: put text in double quotes, and no comma after the last item"
    assert told(read, content, "f.json") == message + (hint if "not valid JSON" in message else "")


@pytest.mark.parametrize(
    ("content", "position", "byte"),
    [
        (b"a: caf\xe9\n", "1:7", "0xe9"),
        (b"# ok\nb: \xc3\xa9\na: \xc3\xa9 \xff\n", "3:6", "0xff"),  # characters before it, not bytes
        ("a: 1\n".encode("utf-16"), "1:1", "0xff"),
    ],
)
@pytest.mark.parametrize("name", ["f.yaml", "f.json"])
def test_a_file_that_is_not_utf8_is_told_with_the_place(
    read: Read, content: bytes, position: str, byte: str, name: str
) -> None:
    assert told(read, content, name) == (
        f"{name}:{position}: the file is not UTF-8\n  byte {byte} is not valid\n\nhint: save the file as UTF-8"
    )


def test_a_file_of_50_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(EdgebakeError) as caught:
            load_document(path, "f.yaml")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert str(caught.value) == (
        "f.yaml: the file has 50,000,000 bytes; the limit is 1,000,000\n"
        "\n"
        "hint: move large content to a separate file"
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match=r"^f\.yaml: cannot read the file: No such file or directory$"):
        load_document(tmp_path / "f.yaml", "f.yaml")


# ── hostile files: bounded in time and memory, and never the end of the interpreter


@pytest.mark.parametrize(
    "content",
    [
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
        ),
        "a: &a {" + ",".join(f"k{i}: v" for i in range(1000)) + "}\nb: [" + "*a," * 1000 + "]\n",
        f"a: [{'x,' * (MAX_BYTES // 2 - 10)}]",
        f"a: [{'{},' * (MAX_BYTES // 3 - 10)}]",
    ],
    ids=["a billion laughs", "a wide anchor", "half a million scalars", "a third of a million mappings"],
)
def test_values_beyond_the_limit_are_refused_soon(read: Read, content: str) -> None:
    start = time.process_time()
    assert "the file has more than 50,000 values after its aliases are expanded" in told(read, content)
    assert time.process_time() - start < 10


def test_exploding_anchors_need_little_memory(read: Read) -> None:
    links = zip("abcdefgh", "bcdefghi", strict=True)
    content = "a: &a [x]\n" + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 20)}]\n" for a, b in links)
    tracemalloc.start()
    try:
        told(read, content)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a [b, {c: [*a]}]\n"])
def test_a_value_that_holds_itself_is_refused(read: Read, content: str) -> None:
    assert told(read, content) == (
        "f.yaml:1:4: the value contains itself through an alias\n\nhint: write it out without the alias"
    )


def test_an_alias_used_twice_side_by_side_is_no_circle(read: Read) -> None:
    assert read("a: &a [x]\nb: [*a, *a]\n").data["b"] == [["x"], ["x"]]


@pytest.mark.parametrize("levels", [10_000, 300_000])
@pytest.mark.parametrize(
    "level", ["[", "{a: ", "- ", "? ", "[&a "], ids=["lists", "mappings", "dashes", "keys", "anchors"]
)
def test_deep_yaml_does_not_end_the_interpreter(read: Read, level: str, levels: int) -> None:
    content = level * min(levels, (MAX_BYTES - 10) // len(level))
    message = told(read, content)
    assert f"the file is nested more than {MAX_DEPTH} levels deep" in message
    assert message.startswith("f.yaml:1:")


def test_deep_indentation_is_told_where_it_is_too_deep(read: Read) -> None:
    message = told(read, "".join(f"{' ' * level}a:\n" for level in range(300)))
    assert message == f"f.yaml:52:52: the file is nested more than {MAX_DEPTH} levels deep"


@pytest.mark.parametrize("levels", [500, 10_000, 190_000])
@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")], ids=["lists", "mappings"])
def test_deep_json_does_not_end_the_interpreter(read: Read, opens: str, closes: str, levels: int) -> None:
    levels = min(levels, (MAX_BYTES - 10) // len(opens + closes))
    assert "nested" in told(read, f'{{"a": {opens * levels}1{closes * levels}}}', "f.json")


def test_depth_up_to_the_limit_is_read(read: Read) -> None:
    content = "a: " + "[" * MAX_DEPTH + "x" + "]" * MAX_DEPTH
    value = read(content).data["a"]
    for _ in range(MAX_DEPTH):
        (value,) = value
    assert value == "x"
