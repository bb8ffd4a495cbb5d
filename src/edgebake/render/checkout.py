"""Files of the project that are not what they should be: an incomplete checkout, Windows' line ends, no exec bit.

A build would take them as they are, and the image would hold them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgebake.errors import EdgebakeError, ErrorGroup, Position
from edgebake.graph.compile import Compilation
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.ops import Bind, Run
from edgebake.load.ignore import IgnoreRules
from edgebake.load.submodules import submodule_error, submodules_of
from edgebake.load.tree import FileEntry, list_files
from edgebake.render.ignore_file import context_rules

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: a pointer has less than 1024 bytes.
_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_LFS_SIZE = 1024
_SHELL = (".sh", ".bash")
_MOST_SCRIPT = 1_000_000  # bytes


def refuse_unfit_files(compilation: Compilation) -> None:
    """Refuse files of the project that would make an image other than the repository says.

    Raises:
        EdgebakeError: pointers of git-lfs, submodules that are not checked out, scripts with Windows' line ends,
            programs without their exec bit; all at once.
    """
    errors: list[EdgebakeError] = []
    scripts = set(_mounted(compilation))
    for file in _sent_files(compilation):
        errors += _unfit(file, is_script=file.path in scripts)
    errors += _submodules(compilation)
    errors += _programs(compilation)
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)


def _sent_files(compilation: Compilation) -> Iterator[FileEntry]:
    """Yield the project's own files that builds are sent, each once."""
    seen: set[str] = set()
    for target in compilation.targets:
        names = _names(compilation, target) - seen
        seen |= names
        if names:
            rules: IgnoreRules = context_rules(compilation, target)
            files = list_files(compilation.workspace.root, sorted(names), rules)
            yield from (file for file in files if file.kind == "file")


def _names(compilation: Compilation, target: str) -> set[str]:
    nodes = compilation.graph.of_target(target)
    return {one.name for node in nodes for one in node.inputs if one.kind == "project"}


def _mounted(compilation: Compilation) -> Iterator[str]:
    """Yield the project's files that steps run: scripts, which are mounted."""
    for node in compilation.graph:
        for body in node.bodies.values():
            for mount in (mount for op in body.ops if isinstance(op, Run) for mount in op.mounts):
                if isinstance(mount, Bind) and mount.source.kind == "project" and mount.target.endswith(_SHELL):
                    yield mount.source.name


def _unfit(file: FileEntry, *, is_script: bool) -> Iterator[EdgebakeError]:
    size = file.source.stat().st_size
    if size < _LFS_SIZE and file.source.read_bytes().startswith(_LFS):
        yield EdgebakeError(
            "the file is a pointer of git-lfs, not its content",
            at=Position(file.path),
            hints=("fetch it: git lfs pull", "in GitHub Actions: ci: {lfs: true}, then edgebake ci github"),
        )
    elif size <= _MOST_SCRIPT and _has_windows_lines(file, is_script=is_script):
        yield EdgebakeError(
            "the script has Windows line ends (CRLF), which no shell and no Linux kernel takes as such",
            at=Position(file.path, 1, 1),
            hints=(
                f"convert it: sed -i 's/\\r$//' {file.path}",
                "keep git from doing it again, in .gitattributes: * text=auto eol=lf",
            ),
        )


def _has_windows_lines(file: FileEntry, *, is_script: bool) -> bool:
    """Tell whether a shell script has them anywhere, or any other program in its first line."""
    with file.source.open("rb") as opened:
        first = opened.readline(1024)
        if first.startswith(b"#!") and first.endswith(b"\r\n"):
            return True
        is_shell = is_script or file.path.endswith(_SHELL) or bool(re.match(rb"#!.*\b(?:ba|da|z|k)?sh\b", first))
        return is_shell and (first.endswith(b"\r\n") or b"\r\n" in opened.read())


def _submodules(compilation: Compilation) -> Iterator[EdgebakeError]:
    root = compilation.workspace.root
    modules = submodules_of(root)
    if not modules:
        return
    names = {name for target in compilation.targets for name in _names(compilation, target)}
    for module in modules:
        path = posixpath.relpath(module.folder, root.resolve())
        if module.missing and any(_overlap(path, name) for name in names):
            yield submodule_error(module, Position(path))


def _overlap(one: str, other: str) -> bool:
    return one == other or other == "." or one.startswith(f"{other}/") or other.startswith(f"{one}/")


# ── programs that start a container


def _programs(compilation: Compilation) -> Iterator[EdgebakeError]:
    """Yield programs that a recipe installs from a file without its exec bit, and that a container is to run."""
    seen: set[str] = set()
    for plan in compilation.plans:
        programs = set(_started(plan))
        for path, source, position in _installed(plan):
            if path in programs and source.is_file() and not source.stat().st_mode & 0o100:
                shown = posixpath.relpath(source, compilation.workspace.root)
                if shown not in seen:
                    seen.add(shown)
                    yield EdgebakeError(
                        f"the program {path} of the image {plan.name!r} is not executable: {shown}",
                        at=position,
                        reason="COPY keeps the mode of a file, so that a container could not start it",
                        hints=(f"chmod +x {shown}", f"in git as well: git update-index --chmod=+x {shown}"),
                    )


def _started(plan: ImagePlan) -> Iterator[str]:
    """Yield the absolute paths of the programs that a container of an image runs."""
    workdir = str(plan.runtime("workdir") or "/")
    health = plan.runtime("healthcheck")
    entrypoint, cmd = plan.entry()
    for words in (entrypoint or cmd, health.cmd if health else ()):
        if words and "/" in words[0]:
            yield posixpath.normpath(posixpath.join(workdir, words[0]))


def _installed(plan: ImagePlan) -> Iterator[tuple[str, Path, Position]]:
    """Yield the files that recipes copy, by their paths in the image; without those whose modes a script sets."""
    for view in plan.views.values():
        loaded, install = view.pin.loaded, view.recipe.install
        if install.dockerfile or (install.script and "chmod" in loaded.words_of(install.script)):
            continue
        for name, dest in view.files:
            source = loaded.folder / name
            at = loaded.document.at(("install", "files", name))
            yield from ((path, file, at) for path, file in _copied(source, dest))


def _copied(source: Path, dest: str) -> Iterable[tuple[str, Path]]:
    """Return the paths in the image of a file, or of a folder's files."""
    if source.is_dir():
        files = (file for file in source.rglob("*") if file.is_file())
        return [(posixpath.join(dest, file.relative_to(source).as_posix()), file) for file in files]
    return [(posixpath.join(dest, source.name) if dest.endswith("/") else dest, source)]
