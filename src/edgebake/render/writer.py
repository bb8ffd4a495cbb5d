"""The only place that writes generated files: all of them as one change, and none that a person has edited.

`bake/manifest.json` lists every generated file with its digest. The digests show which files were edited by hand,
which are stale, and which edgebake may replace. A change goes through these steps:

1. Take the lock in `.edgebake/`, so that two compiles run one after the other.
2. Stage all new bytes, and copies of those they replace, in `.edgebake/staging/`. A full disk shows here.
3. Note in `.edgebake/pending.json` what is about to be written.
4. Remove stale files, move the staged ones in place by `os.replace`, the manifest last.
5. Delete the note and the staging folder.

An error or Ctrl-C in step 4 puts the copies back. After a kill -9, the note shows the next compile which files
the interrupted one wrote, so that they need no `--force`. (A power cut may lose what the system
had not yet written to the disk; the digests show it, and `--force` fixes it.)
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import posixpath
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.interrupt import raise_interrupt
from edgebake.system.checkout import STATE_FOLDER, CheckoutLock

SCHEMA = 1
TOOL = "edgebake"


@dataclass(frozen=True)
class Change:
    """One file that is not as it would be written.

    Attributes:
        path: relative to the project root, posix.
        kind: what writing does to it; ``hand-edited``: someone else wrote it, so that only force would.
        old: its present bytes; None if there is no such file.
        new: the bytes to be written; None if it is to be removed.
        executable: whether it is to be executable. A change of that alone has equal bytes.
        reason: why it counts as hand-edited; empty otherwise.
    """

    path: str
    kind: Literal["added", "modified", "removed", "hand-edited"]
    old: bytes | None
    new: bytes | None
    executable: bool = False
    reason: str = ""

    @property
    def only_line_ends(self) -> bool:
        """Whether git has only given the file Windows' line ends: what is committed is right."""
        if self.kind != "modified" or self.old is None or self.new is None:
            return False
        return self.old != self.new and with_unix_lines(self.old) == with_unix_lines(self.new)


def with_unix_lines(content: bytes) -> bytes:
    """Return a text with the line ends that edgebake writes: git changes them where `core.autocrlf` is set."""
    return content.replace(b"\r\n", b"\n")


def unified_diff(change: Change) -> str:
    """Return `change` as a unified diff, ready to print; one line for binary files and for permissions."""
    if change.old == change.new:
        return f"{change.path} becomes {'' if change.executable else 'not '}executable\n"
    before = "/dev/null" if change.old is None else f"a/{change.path}"
    after = "/dev/null" if change.new is None else f"b/{change.path}"
    try:
        texts = [(content or b"").decode() for content in (change.old, change.new)]
    except UnicodeDecodeError:
        return f"Binary files {before} and {after} differ\n"
    # Not str.splitlines(), which also splits at form feeds and the like.
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in texts)
    lines = list(difflib.unified_diff(old, new, before, after)) or [f"--- {before}\n", f"+++ {after}\n"]
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True)
class GeneratedContent:
    """What a generated file holds, and whether it is executable."""

    content: bytes
    executable: bool = False


class OutputTree:
    """The generated files of one project: gathered first, then written as one change.

    Args:
        root: the project's folder.
        folder: where the manifest lies, relative to `root`. Files may lie elsewhere (a workflow does).
    """

    def __init__(self, root: Path, folder: str = "bake") -> None:
        self.root = root
        self._files: dict[str, GeneratedContent] = {}
        self._owners: dict[str, str] = {}
        self._paths: dict[str, str] = {}  # without upper and lower case, to the path itself
        self._folders: dict[str, str] = {}  # likewise each folder, to a path in it
        self._manifest_path = posixpath.join(folder.rstrip("/"), "manifest.json")
        self._claim(self._manifest_path, "the manifest")

    def add(self, path: str, content: bytes, *, owner: str, executable: bool = False) -> None:
        """Plan to write `content` to `path`, relative to the project root.

        Args:
            owner: what the file is generated for, as a person would name it (``target cpu``).

        Raises:
            EdgebakeError: `path` is absolute or leads out of the project; another owner has it, or has a file
                where this one needs a folder, or a path that differs in upper and lower case only.
        """
        self._claim(path, owner)
        self._files[path] = GeneratedContent(content, executable)

    def changes(self) -> list[Change]:
        """Return what :meth:`write` would do, by path; nothing is written. The manifest is one of the files.

        Raises:
            EdgebakeError: the manifest is corrupt; a file cannot be read, or lies out of the project by a link.
        """
        return self._changes(_read_state(self.root, self._manifest_path, force=False))

    def stale(self) -> list[Change]:
        """Return what :meth:`write` would change but line ends: what is committed is not as it should be."""
        return [change for change in self.changes() if not change.only_line_ends]

    def write(self, *, force: bool = False, lock: CheckoutLock | None = None) -> list[Change]:
        """Write all files as one change, and return what has changed.

        Files that are as they should be are not touched. On an error nothing is changed.

        Args:
            force: also overwrite or remove hand-edited files, and ignore a corrupt manifest.
            lock: how others are waited for that write in the same checkout.

        Raises:
            EdgebakeError: a file is hand-edited and `force` is not given; a file cannot be written; others write
                for too long; and as :meth:`changes`.
        """
        raise_interrupt()
        with (lock or CheckoutLock()).held(self.root):
            state = _read_state(self.root, self._manifest_path, force=force)
            changes = self._changes(state)
            if not force:
                _refuse_hand_edited(changes)
            if changes:
                _apply(self.root, changes, state, self._manifest_path)
            _clean_up(self.root)
        return changes

    @property
    def files(self) -> Mapping[str, GeneratedContent]:
        """The generated files by path, without the manifest."""
        return self._files

    def _claim(self, path: str, owner: str) -> None:
        """Take `path` for `owner`, unless it cannot exist beside the others (on any file system)."""
        _require_relative(path)
        key = path.casefold()
        above = [key[: match.start()] for match in re.finditer("/", key)]
        other = next((self._paths[name] for name in (key, *above) if name in self._paths), self._folders.get(key))
        if other is not None:
            raise EdgebakeError(f"{path} cannot be written for {owner}: {self._owners[other]} has {other}")
        self._owners[path] = owner
        self._paths[key] = path
        self._folders.update(dict.fromkeys(above, path))

    def _changes(self, state: _State) -> list[Change]:
        wanted = {**self._files, self._manifest_path: self._manifest()}
        stale = (state.manifest.keys() | state.pending.keys()) - wanted.keys()
        _require_inside(self.root, (*wanted, *stale))
        there = _folders_there(self.root, wanted)
        found = [self._change(path, file, state, there) for path, file in wanted.items()]
        found += [self._removal(path, state) for path in stale]
        return sorted((change for change in found if change is not None), key=lambda change: change.path)

    def _manifest(self) -> GeneratedContent:
        files = {path: _digest(file.content) for path, file in self._files.items()}
        content = json.dumps({"schema": SCHEMA, "tool": TOOL, "files": files}, indent=2, sort_keys=True)
        return GeneratedContent(f"{content}\n".encode())

    def _change(self, path: str, file: GeneratedContent, state: _State, there: set[str]) -> Change | None:
        old = _present(self.root, path) if posixpath.dirname(path) in there else None
        if old is None:
            return Change(path, "added", None, file.content, file.executable)
        same = old.is_plain and old.content == file.content
        if same and old.executable == file.executable:
            return None
        reason = "" if same or path == self._manifest_path else state.foreign(path, old)
        kind: Literal["hand-edited", "modified"] = "hand-edited" if reason else "modified"
        return Change(path, kind, old.content, file.content, file.executable, reason)

    def _removal(self, path: str, state: _State) -> Change | None:
        old = _present(self.root, path)
        if old is None:
            return None
        reason = state.foreign(path, old)
        if reason and path not in state.manifest:
            return None  # an interrupted compile never got there, and someone else did: not ours
        return Change(path, "hand-edited" if reason else "removed", old.content, None, reason=reason)


# ── What is there ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Present:
    content: bytes
    executable: bool
    is_plain: bool


@dataclass(frozen=True)
class _State:
    """The digests that earlier compiles wrote, by path: the finished one, and those that were interrupted."""

    manifest: Mapping[str, str]
    pending: Mapping[str, Sequence[str]]

    def foreign(self, path: str, file: _Present) -> str:
        """Return why `file` is not one that edgebake wrote; empty if it is."""
        if not file.is_plain:
            return "is not a plain file"
        if any(
            digest == self.manifest.get(path) or digest in self.pending.get(path, ())
            for digest in (_digest(file.content), _digest(with_unix_lines(file.content)))
        ):
            return ""
        return "was changed since edgebake wrote it" if path in self.manifest else "was not written by edgebake"


def _require_inside(root: Path, paths: Iterable[str]) -> None:
    """Refuse a path that a link leads out of the project.

    Raises:
        EdgebakeError: naming it.
    """
    folders: dict[str, str] = {}
    for path in paths:
        folders.setdefault(posixpath.dirname(path), path)
    home = Path(os.path.realpath(root))
    for folder, path in folders.items():
        if not Path(os.path.realpath(root / folder)).is_relative_to(home):
            raise EdgebakeError(
                f"{path} lies outside of the project", reason="It is reached through a symbolic link."
            )


def _folders_there(root: Path, paths: Iterable[str]) -> set[str]:
    """Return those folders of `paths` that exist: in the others nobody need look for files one by one."""
    there = set()
    for folder in {posixpath.dirname(path) for path in paths}:
        with _telling("read", folder):
            if (root / folder).is_dir():
                there.add(folder)
    return there


def _present(root: Path, path: str) -> _Present | None:
    """Return the file at `path`; None if there is none, or a folder (which shows when a file is moved there).

    Raises:
        EdgebakeError: it cannot be read.
    """
    place = root / path
    with _telling("read", path):
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            return _Present(b"", executable=False, is_plain=False)
        return _Present(place.read_bytes(), executable=bool(mode & stat.S_IXUSR), is_plain=True)


def _read_state(root: Path, manifest_path: str, *, force: bool) -> _State:
    """Return what earlier compiles wrote; with `force`, as if none had if the manifest cannot be understood."""
    _require_inside(root, [manifest_path])
    file = _present(root, manifest_path)
    try:
        manifest = {} if file is None else _parse_manifest(file.content)
    except (ValueError, EdgebakeError) as error:
        if not force:
            raise EdgebakeError(
                "the list of generated files cannot be understood",
                at=Position(manifest_path),
                reason=str(error),
                hints=("restore it from git, or write all files again: edgebake compile --force",),
            ) from error
        manifest = {}
    return _State(manifest, _read_pending(root))


def _parse_manifest(content: bytes) -> dict[str, str]:
    """Return path to digest.

    Raises:
        ValueError: it is not a manifest of this schema.
        EdgebakeError: a path in it leads out of the project.
    """
    data = json.loads(content)
    if not isinstance(data, dict) or data.get("tool") != TOOL or not isinstance(data.get("schema"), int):
        raise ValueError("It is not a manifest of edgebake.")
    if data["schema"] > SCHEMA:
        raise ValueError(f"It was written by a newer edgebake (schema {data['schema']}; this one knows {SCHEMA}).")
    files = data.get("files")
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise ValueError("Its 'files' are not pairs of path and digest.")
    for path in files:
        _require_relative(path)
    return files


def _read_pending(root: Path) -> dict[str, list[str]]:
    """Return the digests that interrupted compiles may have left, by path; none if the note is unreadable."""
    try:
        found = json.loads((root / STATE_FOLDER / "pending.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_hand_edited(changes: Sequence[Change]) -> None:
    edited = [change for change in changes if change.kind == "hand-edited"]
    if edited:
        raise EdgebakeError(
            "some files would lose what someone else wrote, so nothing was written",
            reason="\n".join(f"{change.path} {change.reason}" for change in edited),
            hints=("to write them all the same: edgebake compile --force",),
        )


def _require_relative(path: str) -> None:
    inside = posixpath.normpath(path) == path and path.split("/")[0] not in ("", ".", "..")
    # The state's folder is no place for generated files, but for those of ad-hoc images.
    state = path.split("/")[0] == STATE_FOLDER and not path.startswith(f"{STATE_FOLDER}/adhoc/")
    if not inside or state or "\0" in path:
        raise EdgebakeError(f"{path!r} is not a path inside the project")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _telling(verb: str, path: str) -> Iterator[None]:
    """Turn an OSError within into an EdgebakeError that names `path`."""
    try:
        yield
    except OSError as error:
        raise EdgebakeError(f"cannot {verb} {path}", reason=error.strerror or str(error)) from error


# ── One change ───────────────────────────────────────────────────────────────────────────────────────────

_Undo = list[Callable[[], object]]


def _apply(root: Path, changes: Sequence[Change], state: _State, manifest_path: str) -> None:
    """Make all `changes`, or none.

    Raises:
        EdgebakeError: a file cannot be written.
    """
    # Removals first, as a file may be where a folder must be; the manifest last, as it vouches for the rest.
    ordered = sorted(
        changes, key=lambda change: (change.new is not None, change.path == manifest_path, change.path)
    )
    staging = _stage(root, ordered)
    _write_pending(root, ordered, state)
    undo: _Undo = []
    made: set[Path] = set()
    try:
        for number, change in enumerate(ordered):
            with _telling("write" if change.new is not None else "remove", change.path):
                _move(root, change, staging / f"{number}.old", staging / f"{number}.new", undo, made)
    except BaseException:
        for step in reversed(undo):
            with suppress(OSError):  # the first error is the one to report; the note makes up for the rest
                step()
        raise


def _stage(root: Path, changes: Sequence[Change]) -> Path:
    """Return a folder that holds, by number, each change's new bytes and a copy of the file as it is."""
    staging = root / STATE_FOLDER / "staging"
    with _telling("clear", f"{STATE_FOLDER}/staging"):
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir()
    for number, change in enumerate(changes):
        with _telling("write", change.path):
            if change.old is not None:
                shutil.copy2(root / change.path, staging / f"{number}.old", follow_symlinks=False)
            if change.new is not None:
                _create(staging / f"{number}.new", change.new, executable=change.executable)
    return staging


def _create(path: Path, content: bytes, *, executable: bool = False) -> None:
    """Write a new file, readable by all whatever the umask: COPY keeps modes, and images do not run as root."""
    mode = 0o755 if executable else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        left = memoryview(content)
        while left:
            left = left[file.write(left) :]
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)


def _write_pending(root: Path, changes: Sequence[Change], state: _State) -> None:
    """Note what is about to be written, on top of what the note says already."""
    pending = {path: set(digests) for path, digests in state.pending.items()}
    for change in changes:
        if change.new is not None:
            pending.setdefault(change.path, set()).add(_digest(change.new))
    text = json.dumps({path: sorted(digests) for path, digests in sorted(pending.items())})
    folder = root / STATE_FOLDER
    with _telling("write", f"{STATE_FOLDER}/pending.json"):
        _create(folder / "staging" / "pending.json", text.encode())
        (folder / "staging" / "pending.json").replace(folder / "pending.json")


def _move(root: Path, change: Change, old: Path, new: Path, undo: _Undo, made: set[Path]) -> None:
    """Make one staged change. How to take it back goes into `undo` beforehand, lest Ctrl-C come between.

    `made`: the folders that this change of all files has made.
    """
    place = root / change.path
    if change.new is None:
        undo.append(partial(old.replace, place))
        place.unlink()
        _remove_empty_folders(root, place.parent, undo)
        return
    if place.parent not in made:
        _make_folders(place.parent, undo, made)
    if place.parent not in made and place.is_dir() and not place.is_symlink():
        undo.append(partial(place.mkdir, exist_ok=True))
        place.rmdir()  # a crash may have left it empty; if it is not, this is the error to report
    undo.append(partial(old.replace, place) if change.old is not None else partial(place.unlink, missing_ok=True))
    new.replace(place)


def _make_folders(folder: Path, undo: _Undo, made: set[Path]) -> None:
    missing = takewhile(lambda path: path not in made and not path.exists(), (folder, *folder.parents))
    for path in reversed(list(missing)):
        undo.append(path.rmdir)
        path.mkdir()
        made.add(path)


def _remove_empty_folders(root: Path, folder: Path, undo: _Undo) -> None:
    """Remove `folder` and those above it, up to the first one that is not empty."""
    for path in (folder, *folder.parents):
        if path == root or any(path.iterdir()):
            return
        undo.append(partial(path.mkdir, exist_ok=True))
        path.rmdir()


def _clean_up(root: Path) -> None:
    """Forget a change that is done, or that an interrupted compile left and this one has made good."""
    folder = root / STATE_FOLDER
    with _telling("clear", STATE_FOLDER):
        (folder / "pending.json").unlink(missing_ok=True)
        if (folder / "staging").exists():
            shutil.rmtree(folder / "staging")
