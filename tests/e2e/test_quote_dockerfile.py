"""Quoted text comes back from a real build as it went in: many strings in one build."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edgebake.templating.quote import copy_words, dockerfile_word, exec_form, shell_word

pytestmark = pytest.mark.e2e

BASE = "localhost:5000/busybox:stable"
ALPHABET = "\\\"'$`#<>{}()[]*?!^~%&|;=-, \t\ré😀\ufeff\x85\u2003\x01aEOF0"
# fmt: off
FIXED = [
    "", " ", "$", "$$", "${", "${HOME}", "$HOME", "\\$", "\\\\$HOME", "${X:-y}", "$(id)", "`id`", "`", "\\",
    "\\\\", "a\\", '\\"', "\\n", "'", '"', "#", "# x", "a=b", "<<EOF", "a <<EOF", "--mount=x", "!", "^", "[]",
    '["a"]', "{{.x}}", "%s", "a b  c ", "\r", "a\r", "\\\r", "\t", "\ufeff", "\ufeffx", "\x85", "\u2028",
    "\x01", "\x7f", "é😀", "e\u0301",
]
FILE_NAMES = [
    "*", "a*b", "**", "?", "[x]", "a[b", "]", "[", "[a-z]", "[!a]", "[^a]", "[[:alpha:]]", "[]", "\\", "a\\b",
    "\\*", "a\\", "^", "a^b", "!keep", "! ", "#c", "$x", "${x}", "$", "'q'", '"dq"', "<<EOF", "2<<EOF",
    "<<-EOF", "http:", "git@host:x", "x.git", "--from=a", "-a", "~", "{a,b}", "(a|b)", "a.b+c", "%41",
    "github.com", "  ", " lead", "trail ", "\ttab", "tab\t", "new\nline", "\n", "\r", "é", "e\u0301", "😀",
    "\ufeffbom", "\u2003em", "em\u2003", "\u200b",
]
# fmt: on


def random_texts(seed: int, count: int) -> list[str]:
    random = Random(seed)
    return ["".join(random.choices(ALPHABET, k=random.randint(1, 9))) for _ in range(count)]


def words(keys: str, texts: Sequence[str]) -> str:
    """Return `keys`0="…" `keys`1="…" …, continued over the lines as a renderer would."""
    return " \\\n    ".join(f"{keys}{number}={dockerfile_word(text)}" for number, text in enumerate(texts))


def build(context: Path, dockerfile: str, *flags: str) -> None:
    command = ["docker", "buildx", "build", "--progress=plain", "-f", "-", *flags, str(context)]
    done = subprocess.run(command, input=dockerfile.encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")


@pytest.fixture
def tag() -> Iterator[str]:
    name = f"edgebake-test-{uuid.uuid4().hex}"
    yield name
    subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, timeout=60)


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def config(tag: str) -> dict[str, Any]:
    done = subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)[0]["Config"]
    return found


def numbered(pairs: dict[str, str], keys: str) -> list[str]:
    """Return the values of `keys`0, `keys`1, … in that order."""
    count = sum(key.startswith(keys) for key in pairs)
    return [pairs[f"{keys}{number}"] for number in range(count)]


def test_words_and_exec_form(tag: str, empty: Path) -> None:
    texts = FIXED + random_texts(1, 150)
    command = ["line\nfeed", *texts]
    dockerfile = [
        f"ARG {words('G', texts)}",
        f"FROM {BASE}",
        f"ARG {words('A', texts)}",
        "ARG " + " ".join(f"G{number}" for number in range(len(texts))),
        f"ENV {words('E', texts)}",
        "ENV " + " ".join(f'FROM_A{number}="${{A{number}}}"' for number in range(len(texts))),
        "ENV " + " ".join(f'FROM_G{number}="${{G{number}}}"' for number in range(len(texts))),
        f"LABEL {words('l', texts)}",
        f"RUN printf '%s\\0' x {' '.join(map(shell_word, texts))} > /plain",
        "RUN true \\\n"
        + "".join(f" && printf '%s\\0' {shell_word(text)} >> /continued \\\n" for text in texts)
        + " && :",
        "RUN " + exec_form(["sh", "-c", 'printf %s_ "$@" > /exec', "-", *command]),
        f"HEALTHCHECK CMD {exec_form(command)}",
        "ENTRYPOINT " + exec_form(["printf", r"%s\0"]),
        f"CMD {exec_form(command)}",
        f"SHELL {exec_form(command)}",
    ]
    build(empty, "\n".join(dockerfile), "--load", "--tag", tag)

    found = config(tag)
    environment = dict(pair.split("=", 1) for pair in found["Env"])
    for keys in ("E", "FROM_A", "FROM_G"):
        assert numbered(environment, keys) == texts
    assert numbered(found["Labels"], "l") == texts
    assert found["Healthcheck"]["Test"] == ["CMD", *command]
    assert found["Cmd"] == command
    assert found["Shell"] == command
    ended = "".join(f"{text}\0" for text in texts)
    assert run(tag) == f"line\nfeed\0{ended}"
    assert run(tag, "cat", "/plain") == f"x\0{ended}"
    assert run(tag, "cat", "/continued") == ended
    assert run(tag, "cat", "/exec") == "".join(f"{word}_" for word in command)


def run(tag: str, *command: str) -> str:
    entrypoint = ["--entrypoint", command[0]] if command else []
    done = subprocess.run(
        ["docker", "run", "--rm", "--network=none", *entrypoint, tag, *command[1:]],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


def odd_names() -> list[str]:
    names = {text.replace("/", "") for text in FILE_NAMES + random_texts(2, 60)}
    return sorted(names - {"", ".", ".."})


@pytest.mark.parametrize("stage", [False, True], ids=["from the context", "from a stage"])
def test_copy_takes_every_name_literally(tmp_path: Path, stage: bool) -> None:
    names = odd_names()
    context = tmp_path / "context"
    for number, name in enumerate(names):
        (context / "deep" / str(number) / name).mkdir(parents=True)
        (context / "deep" / str(number) / name / name).write_text(f"{number}")
        (context / name).write_text(f"{number}")
        # What a pattern would catch as well: the name with something more, and single letters.
        (context / "deep" / str(number) / name / f"{name}x").write_text("not meant")
    for letter in set("abcxyz0") - set(names):
        (context / letter).write_text("not meant")

    lines = ["FROM scratch AS files", "COPY . /", "FROM scratch"]
    copy = "COPY --from=files" if stage else "COPY"
    for number, name in enumerate(names):
        lines.append(f"{copy} {copy_words([name], f'/file/{number}/{name}')}")
        lines.append(f"{copy} {copy_words([f'deep/{number}/{name}/{name}'], f'/into/{number}/')}")
        lines.append(f"{copy} {copy_words([f'deep/{number}/{name}'], f'/folder/{number}/{name}')}")
    build(context, "\n".join(lines), "--output", f"type=local,dest={tmp_path}/out")

    for number, name in enumerate(names):
        assert files(tmp_path / "out" / "file" / str(number)) == {name: f"{number}"}
        assert files(tmp_path / "out" / "into" / str(number)) == {name: f"{number}"}
        assert files(tmp_path / "out" / "folder" / str(number) / name) == {
            name: f"{number}",
            f"{name}x": "not meant",
        }


def test_copy_of_several_sources_and_through_links(tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "real").mkdir(parents=True)
    for name in ("a*b", "a[b"):
        (context / "real" / name).write_text(name)
    (context / "li*nk").symlink_to("real")
    (context / "link").symlink_to("real")
    (context / "file[1]").symlink_to("real/a*b")
    lines = [
        "FROM scratch",
        f"COPY {copy_words(['real/a*b', 'real/a[b'], '/several/')}",
        f"COPY {copy_words(['li*nk'], '/folder')}",
        f"COPY {copy_words(['link/a*b'], '/through/')}",
        f"COPY {copy_words(['file[1]'], '/file/')}",
    ]
    build(context, "\n".join(lines), "--output", f"type=local,dest={tmp_path}/out")
    assert files(tmp_path / "out" / "several") == {"a*b": "a*b", "a[b": "a[b"}
    assert files(tmp_path / "out" / "folder") == {"a*b": "a*b", "a[b": "a[b"}
    assert files(tmp_path / "out" / "through") == {"a*b": "a*b"}
    assert files(tmp_path / "out" / "file") == {"file[1]": "a*b"}


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}
