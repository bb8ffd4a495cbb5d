"""What :mod:`edgebake.load` lists is what a real BuildKit sends: random trees, random ignore files."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.ignore import IgnoreRules
from edgebake.load.tree import FileEntry, list_files

pytestmark = pytest.mark.e2e

NAMES = [
    "a",
    "b",
    "ab",
    "foo",
    "x.y",
    "é",
    "a b",
    "]",
    "a^",
    "+",
    "#c",
    "!d",
    "-",
    "[e]",
    "f*",
    "b.y",
    "\ufeffg",
    "$h",
]
MODES = [  # git, and so a bake, keeps only whether the owner may execute a file
    0o644,
    0o600,
    0o755,
    0o664,
    0o400,
    0o777,
    0o4755,
    0o2711,
]
PIECES = [
    *"abab///***",
    "**",
    "**",
    "?",
    "[ab]",
    "[^a]",
    "foo",
    "*.y",
    "é",
    "\\*",
    "\\[e]",
    "\\!d",
    "..",
    " ",
    "^",
    "$h",
]
PIECES += ["[a-c]", "/**", "**/", "]", "+", "#c"]
FIXED = [
    "a\n!a/b\n",
    "a/b\n!a\n",
    "*\n!a\n!foo/*.y\n",
    "**\n!**/*.y\n",
    "**/a\n**b\nfoo**\n",
    "/a/\n//b\n./ab\n../x\n.\n",
    "# a comment\n #c\n  b  \n\n!  /b\r\n",
    "\ufeffa\n**/**/x.y\n***b\n",
    "*/*\n!*/a\n!a/b/*\n",
    ".dockerignore\n!.\n/\n",
]


def random_tree(random: Random, folder: Path, depth: int = 3) -> None:
    for name in random.sample(NAMES, random.randint(2, 6)):
        path = folder / name
        kind = random.choice(["file", "file", "folder", "folder", "link"])
        if kind == "folder":
            path.mkdir()
            if depth:
                random_tree(random, path, depth - 1)
            path.chmod(random.choice([0o755, 0o700, 0o775, 0o1777]))
        elif kind == "link":
            path.symlink_to(random.choice(["a", "./b//c", "gone/", name]))
        else:
            path.write_text(f"{random.random()}")
            path.chmod(random.choice(MODES))


def random_pattern(random: Random, paths: list[str]) -> str:
    """Return a path of the tree with some of its parts blurred, or a few pieces at random."""
    if random.random() < 0.2:
        return "".join(random.choices(PIECES, k=random.randint(1, 4)))
    parts = random.choice(paths).split("/")
    parts = parts[random.choice([0, 0, 0, 1]) :] or parts
    for number, part in enumerate(parts):
        blurred = ["*", "**", f"*{part[1:]}", f"{part[:-1]}?", f"{part[:-1]}[{part[-1]}]", f"**{part}"]
        parts[number] = random.choice([part] * 9 + blurred)
    return random.choice(["", "", "/", "**/"]) + "/".join(parts[: random.randint(1, 4)])


def random_rules(random: Random, tree: Path) -> str:
    """Return the text of an ignore file that edgebake accepts for `tree`, and that leaves something to compare."""
    paths = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
    while True:
        lines = ["*/*" if random.random() < 0.5 else "[a-f]*"]
        for _ in range(random.randint(2, 9)):
            lines.append(random.choice(["", "!"]) + random_pattern(random, paths))
        try:
            rules = IgnoreRules.parse("\n".join(lines), path=".dockerignore")
        except EdgebakeError:
            continue
        left_out = sum(map(rules.ignores, paths))
        if 0 < left_out < len(paths) and not any(map(rules.empties, paths)):
            return "\n".join(lines)


def sent(context: Path) -> dict[str, tuple[str, int, str, str]]:
    """Return what the engine makes of `COPY . /`: path to kind, mode, link target and digest."""
    done = subprocess.run(
        ["docker", "buildx", "build", "--quiet", "-f", "-", "--output", "type=tar,dest=-", str(context)],
        input=b"FROM scratch\nCOPY . /\n",
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {member.name.rstrip("/"): described(archive, member) for member in archive if member.name != "./"}


def described(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, int, str, str]:
    if member.issym():
        return "symlink", 0o777, member.linkname, ""
    if member.isdir():
        return "dir", 0o755, "", ""
    file = archive.extractfile(member)
    assert file is not None
    return "file", 0o755 if member.mode & 0o100 else 0o644, "", hashlib.sha256(file.read()).hexdigest()


def listed(entries: list[FileEntry]) -> dict[str, tuple[str, int, str, str]]:
    return {entry.path: (entry.kind, entry.mode, entry.target, entry.sha256) for entry in entries}


def compare(context: Path, text: str) -> None:
    (context / ".dockerignore").write_text(text, newline="")
    rules = IgnoreRules.parse(text, path=".dockerignore")
    assert sent(context) == listed(list_files(context, ["."], rules))


@pytest.mark.parametrize("seed", range(10))
def test_random_trees(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    random_tree(random, tmp_path)
    for text in (FIXED[seed], random_rules(random, tmp_path), random_rules(random, tmp_path)):
        compare(tmp_path, text)


def test_rules_of_a_subfolder_and_sealed_rules(tmp_path: Path) -> None:
    random = Random(99)
    folder = tmp_path / "s[u]b" / "^"
    folder.mkdir(parents=True)
    random_tree(random, folder)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    inner = IgnoreRules.parse("**/*.y\n!b.y\n**b\n!.git/config\n.git\n!.git/config\nf\\*", path="inner")
    rules = inner.under("s[u]b/^").sealed(IgnoreRules.parse("**/.git", path="built in"))
    compare(tmp_path, "\n".join(rules.render()))
    assert not any(".git" in path.split("/") for path in sent(tmp_path))


def test_a_file_that_buildkit_empties(tmp_path: Path) -> None:
    """The reason for :meth:`IgnoreRules.empties`: if this fails, BuildKit has fixed it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("contents")
    text = "a\n!a/b\na\n"
    (tmp_path / ".dockerignore").write_text(text)
    assert sent(tmp_path)["a/b"][3] == hashlib.sha256(b"").hexdigest()
    assert IgnoreRules.parse(text, path="").empties("a/b")
