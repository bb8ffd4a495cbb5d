"""What a build sends: large files, and files that look secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from edgebake.errors import Position
from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject
from edgebake.load.tree import FileEntry, list_files
from edgebake.render.ignore_file import IGNORE_FILE, context_rules

LARGE_CONTEXT = Rule(
    "large-context",
    "a build sends many bytes from the project's folder",
    f"name fewer files in the recipe, or exclude files with a {IGNORE_FILE}",
)
SECRET_IN_CONTEXT = Rule(
    "secret-in-context",
    "a file that looks like a secret is sent to builds",
    f"exclude it with a {IGNORE_FILE}, and pass it to a build as a secret mount",
    "error",
)
MISSING_DOCKERIGNORE = Rule(
    "missing-dockerignore",
    f"large files, or files that look like secrets, are sent to builds without a {IGNORE_FILE}",
    f"write a {IGNORE_FILE} in the project's folder, or in the recipe's",
)

LARGE_TOTAL = 100_000_000
LARGE_FILE = 50_000_000
_SHOWN = 3

_SECRET_FILES = re.compile(
    r"id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:pem|key|p12|pfx|jks|kdbx|keystore|tfstate|env)|secrets\..*|credentials"
    r"|\.(?:npmrc|pypirc|git-credentials|htpasswd|dockercfg)|kubeconfig"
    r"|(?:credentials|service-account.*|client_secret.*)\.json"
)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is found about the project's own files that the selected targets' builds are sent.

    Raises:
        EdgebakeError: an ignore file is wrong, or a file that a stage reads is missing.
    """
    sent: dict[str, FileEntry] = {}
    for target in sorted({plan.target.name for plan in subject.plans}):
        files = _sent(subject, target)
        sent.update((file.path, file) for file in files)
        yield from _large(subject, target, files)
    message = "the file looks like a secret, and is sent to builds"
    yield from (SECRET_IN_CONTEXT.found(message, Position(file.path)) for file in sent.values() if _is_secret(file))
    yield from _no_ignore_file(subject, list(sent.values()))


def _sent(subject: Subject, target: str) -> list[FileEntry]:
    """Return the project's own files that a target's stages read."""
    nodes = subject.compilation.graph.of_target(target)
    paths = sorted({one.name for node in nodes for one in node.inputs if one.kind == "project"})
    if not paths:
        return []
    entries = list_files(subject.workspace.root, paths, context_rules(subject.compilation, target))
    return [entry for entry in entries if entry.kind == "file"]


def _size(file: FileEntry) -> int:
    return file.source.stat().st_size


def _shown(size: int) -> str:
    return f"{size / 1_000_000:,.0f} MB" if size >= 1_000_000 else f"{size / 1000:,.1f} kB"


def _large(subject: Subject, target: str, files: Sequence[FileEntry]) -> Iterator[Finding]:
    total = sum(map(_size, files))
    if total > LARGE_TOTAL:
        biggest = sorted(files, key=lambda file: (-_size(file), file.path))[:_SHOWN]
        named = ", ".join(f"{file.path} ({_shown(_size(file))})" for file in biggest)
        message = f"builds are sent {_shown(total)} of the project's files; the biggest are {named}"
        yield LARGE_CONTEXT.found(message, subject.project_at("images"), targets=[target])


def _is_secret(file: FileEntry) -> bool:
    return bool(_SECRET_FILES.fullmatch(PurePosixPath(file.path).name))


def _no_ignore_file(subject: Subject, files: Sequence[FileEntry]) -> Iterator[Finding]:
    root = subject.workspace.root
    ignores = [root, *(recipe.folder for recipe in subject.recipes)]
    if any((folder / IGNORE_FILE).is_file() for folder in ignores):
        return
    risky = sorted(file.path for file in files if _is_secret(file) or _size(file) > LARGE_FILE)
    if risky:
        more = f" and {len(risky) - _SHOWN} more" if len(risky) > _SHOWN else ""
        message = f"there is no {IGNORE_FILE}, and builds are sent {', '.join(risky[:_SHOWN])}{more}"
        yield MISSING_DOCKERIGNORE.found(message, subject.project_at("images"))
