"""Opening the two sides of a comparison: commits, the working tree, and lock files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from edgebake.diff.images import Difference, Side, compare, compare_targets
from edgebake.diff.locks import LockDifference, compare_locks
from edgebake.errors import EdgebakeError, Position, did_you_mean
from edgebake.graph.compile import compile_workspace
from edgebake.load.workspace import find_root, no_project, open_workspace, parse_lock
from edgebake.model.lock import Lock
from edgebake.model.project import LOCK_FILE, PROJECT_FILE
from edgebake.model.request import Request
from edgebake.select.request import open_request
from edgebake.system.git import file_at, folder_at

WORKING_TREE = "the working tree"


def kind_of(word: str) -> Literal["commit", "lock"]:
    """Return what a word on the command line names.

    In git, the name of a commit has no colon, does not end in `.lock`, and none of its parts begins with a dot.
    """
    is_path = word.startswith(("/", "./", "../")) or word.endswith(".lock")
    return "lock" if is_path or ":" in word else "commit"


def diff_commits(start: Path, words: Sequence[str]) -> Difference:
    """Return how the images of two commits differ, or of one commit and the working tree.

    The project is in the folder `start`, or in one above it.

    Raises:
        EdgebakeError: there is no project, or no such commit; a state does not compile.
    """
    root = find_root(start)
    if root is None:
        raise no_project(start)
    with ExitStack() as stack:
        sides = [_side(stack.enter_context(folder_at(root, ref)), ref) for ref in words]
        return compare(sides[0], sides[1] if words[1:] else _side(root, WORKING_TREE))


def diff_targets(start: Path, names: Sequence[str], first: str, second: str) -> Difference:
    """Return how images differ on two targets. The project is in the folder `start`, or in one above it.

    `names` are images of the project, or recipes for an ad-hoc image; empty for all images that have both targets.

    Raises:
        EdgebakeError: an unknown target, or one that no selected image has.
    """
    workspace = open_request(start, Request(tuple(names), (first, second)))
    for target in (first, second):
        workspace.catalogue.target(target)
    if first == second:
        raise EdgebakeError(f"both targets are {first!r}", hints=("name two: --targets cuda-12.8 jetpack-6.2",))
    compilation = compile_workspace(workspace)
    images = Side("", compilation).images
    wanted = list(names) if workspace.document and names else sorted({image for image, _ in images})
    there = [name for name in wanted if (name, first) in images and (name, second) in images]
    if not there:
        missing = next(t for t in (second, first) if not any((name, t) in images for name in wanted))
        hint = "any recipes can be compared: edgebake diff RECIPE… --targets A B"
        raise EdgebakeError(f"no selected image is for the target {missing!r}", hints=(hint,))
    return compare_targets(compilation, first, second, there)


def diff_locks(start: Path, words: Sequence[str]) -> LockDifference:
    """Return how two lock files differ, or one and that of the project in the folder `start` or above.

    Each word is a file, or a commit's as `REF:FILE`.

    Raises:
        EdgebakeError: a file is not there, or is no lock.
    """
    second = words[1] if words[1:] else str((find_root(start) or start) / LOCK_FILE)
    label = words[1] if words[1:] else LOCK_FILE
    return compare_locks(words[0], _lock(start, words[0]), label, _lock(start, second))


def only(difference: Difference, images: Sequence[str], targets: Sequence[str]) -> Difference:
    """Return a difference with only the images and targets that these names or patterns match.

    Raises:
        EdgebakeError: one of them matches nothing.
    """
    kept = difference.images
    for kind, patterns in (("image", images), ("target", targets)):
        names = {getattr(one, kind) for one in difference.images}
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                hints = did_you_mean(pattern, names, kind=kind)
                raise EdgebakeError(f"no {kind} {pattern!r} on either side", hints=hints)
        if patterns:
            matches = {name for name in names for pattern in patterns if fnmatchcase(name, pattern)}
            kept = tuple(one for one in kept if getattr(one, kind) in matches)
    return replace(difference, images=kept)


def _side(root: Path, label: str) -> Side:
    if not (root / PROJECT_FILE).is_file():
        return Side(label, None)
    try:
        return Side(label, compile_workspace(open_workspace(root)))
    except EdgebakeError as error:
        if label == WORKING_TREE:
            raise
        raise EdgebakeError(f"the project does not compile at {label}", reason=str(error)) from None


def _lock(start: Path, word: str) -> Lock:
    ref, colon, path = word.partition(":")
    if colon:
        raw = file_at(start, ref, path)
    else:
        try:
            raw = (start / word).read_bytes()
        except OSError as error:
            raise EdgebakeError(f"cannot read the file: {error.strerror}", at=Position(word)) from None
    return parse_lock(raw, word)
