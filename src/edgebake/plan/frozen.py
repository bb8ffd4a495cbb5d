"""The build context of a bake: a copy of what was fingerprinted, so that an edit meanwhile changes nothing.

BuildKit reads its context whenever a step needs it, and Buildx pushes before edgebake hears of it. If it read the
project's own folder, a file that is edited during a bake would be pushed under the fingerprint of the tested one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.stages import is_wheelhouse
from edgebake.load.tree import FileEntry, file_sha256
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings
from edgebake.plan.steps import Bake, PublishStages
from edgebake.render.writer import GeneratedContent
from edgebake.system.checkout import STATE_FOLDER, state_folder

_FOLDER = "context"  # always the same: BuildKit then sends only what has changed since the last bake
_FICLONE = 0x40049409  # ioctl_ficlone(2): a copy that shares its blocks, on Btrfs, XFS and others


@dataclass(frozen=True)
class FrozenContext:
    """A copied build context.

    Attributes:
        folder: where it is, relative to the project's folder.
        wheelhouse: the project's folder of wheels in it; "" if no stage reads one.
    """

    folder: Path
    wheelhouse: str | None = ""

    def file(self, path: str) -> str:
        """Return the copy of a file, relative to the project's folder."""
        return (self.folder / path).as_posix()

    @property
    def overrides(self) -> dict[str, str]:
        """What makes a bake file build from it, by key of `--set`."""
        return {"*.context": self.folder.as_posix()}

    def variables(self, settings: Settings) -> dict[str, str]:
        """Return the variables of a bake file that it changes, unless the settings or the environment set them."""
        given = "WHEELHOUSE" in settings.variables or "WHEELHOUSE" in settings.environment
        return {"WHEELHOUSE": self.file(self.wheelhouse)} if self.wheelhouse and not given else {}


def files_read(plan: Plan) -> Mapping[str, FileEntry]:
    """Return the files of the project's own that a plan's builds read, by path, as they were fingerprinted.

    Raises:
        EdgebakeError: a file is missing, or leads out of the project.
    """
    built = [
        (item.bake_target.target, item.bake_target.stage, item.platforms)
        for step in plan.steps
        if isinstance(step, Bake)
        for item in step.items
    ]
    published = (stage for step in plan.steps if isinstance(step, PublishStages) for stage in step.stages)
    built += [(one.stage.node.target, one.stage.node.id, one.stage.platforms) for one in published]
    graph, fingerprints = plan.compilation.graph, plan.fingerprints
    needed = [(node, platforms) for target, stage, platforms in built for node in graph.needed_by(target, [stage])]
    files = (fingerprints.files(node, platform) for node, platforms in needed for platform in platforms)
    read = {entry.path: entry for entries in files for entry in entries}
    wheels = fingerprints.wheels if any(is_wheelhouse(node) for node, _ in needed) else None
    wheelhouse = plan.compilation.workspace.project.wheelhouse
    return read | {f"{wheelhouse}/{entry.path}": entry for entry in wheels or ()}


@contextmanager
def frozen_context(plan: Plan, generated: Mapping[str, GeneratedContent]) -> Iterator[FrozenContext]:
    """Copy what a plan's builds read, and remove the copy at the end.

    Files keep their times, so that BuildKit need not send them again; their modes are git's two.

    Args:
        plan: what is built.
        generated: the generated files, by path relative to the project's folder.

    Raises:
        EdgebakeError: a file has changed since it was fingerprinted, or cannot be copied.
    """
    root, project = plan.compilation.workspace.root, plan.compilation.workspace.project
    entries, whole = files_read(plan), state_folder(root) / _FOLDER
    folder = whole / (root.name or "project")  # BuildKit's history shows the name
    try:
        _fill(folder, entries, {root / path: (folder / path, file) for path, file in generated.items()})
        copied = project.wheelhouse is not None and (folder / project.wheelhouse).is_dir()
        yield FrozenContext(Path(STATE_FOLDER) / _FOLDER / folder.name, project.wheelhouse if copied else "")
    finally:
        with suppress(OSError):  # the next bake clears it, and reports what is wrong
            _clear(whole)


def _fill(
    folder: Path, entries: Mapping[str, FileEntry], generated: Mapping[Path, tuple[Path, GeneratedContent]]
) -> None:
    try:
        _clear(folder.parent)
        folder.mkdir(parents=True)
        for path, entry in sorted(entries.items()):
            _copy(entry, folder / path)
        for original, (copy, file) in generated.items():
            _write(copy, file, original)
        for path, entry in entries.items():  # the times of folders last: their files change them
            if entry.kind == "dir":
                _keep_time(entry.source, folder / path)
    except OSError as error:
        raise EdgebakeError(f"cannot copy {error.filename} for the build", reason=error.strerror) from error


def _clear(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _copy(entry: FileEntry, path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if entry.kind == "dir":
        path.mkdir(exist_ok=True)
    elif entry.kind == "symlink":
        path.symlink_to(entry.target)
        if os.readlink(entry.source) != entry.target:  # noqa: PTH115 (Path.readlink() would tidy up the text)
            raise _changed(entry.path)
        return
    else:
        with entry.source.open("rb") as source, path.open("xb") as copy:
            _copy_content(source, copy)
        if file_sha256(path) != entry.sha256:
            raise _changed(entry.path)
        _keep_time(entry.source, path)
    path.chmod(entry.mode)


def _copy_content(source: BinaryIO, copy: BinaryIO) -> None:
    try:
        fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
    except OSError:  # another file system
        shutil.copyfileobj(source, copy, 1 << 20)


def _write(path: Path, file: GeneratedContent, original: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(0o755 if file.executable else 0o644)
    _keep_time(original, path)


def _keep_time(original: Path, copy: Path) -> None:
    with suppress(FileNotFoundError):
        times = original.stat()
        os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))


def _changed(path: str) -> EdgebakeError:
    return EdgebakeError(
        f"{path} was changed while the bake was being prepared",
        reason="what is built would not be what was planned",
        hints=("run the bake again",),
    )
