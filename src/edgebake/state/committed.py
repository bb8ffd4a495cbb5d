"""What a commit has: the fingerprints of the images as git has the project there.

Nothing is guessed by paths. The committed state is compiled as this one is, and an image that comes out
with another fingerprint has changed, whatever the reason is (a file, a recipe, a base image).
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation, compile_workspace
from edgebake.interrupt import raise_interrupt
from edgebake.load.workspace import open_workspace
from edgebake.model.project import PROJECT_FILE
from edgebake.model.request import Request
from edgebake.plan.builder import build_plan
from edgebake.plan.changed import Before
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord
from edgebake.plan.scope import Scope
from edgebake.select.request import scope_of

TIMEOUT = 600  # seconds, for one git command


def fingerprints_at(root: Path, ref: str) -> Before:
    """Return the fingerprints of a project as a commit has it; arguments and errors as of :func:`project_at`."""
    with project_at(root, ref) as folder:
        return _compiled(folder)


def record_of(compilation: Compilation) -> BuildRecord:
    """Return what all stages of a compilation follow from, as if they had been built."""
    record = BuildRecord()
    plan = build_plan(compilation, everything(compilation), BuildRecord())
    for target in plan.targets:
        for platform in target.platforms:
            name = target.bake_target.name
            record.put(name, platform, plan.stage_records(name, platform))
    return record


def everything(compilation: Compilation) -> Scope:
    """Return the scope of all images of a compilation."""
    return scope_of(compilation.graph.bake_targets, compilation.workspace, Request())


@contextmanager
def project_at(root: Path, ref: str) -> Iterator[Path]:
    """Give a project's folder as a commit has it, in a place of its own. It may hold no project.

    The commit is checked out beside the repository for a moment (`git worktree`), so that files have the bytes and
    modes that a checkout gives them.

    Args:
        root: the project's folder, in a git repository.
        ref: what git knows as a commit: a branch, a tag, `HEAD~1`.

    Raises:
        EdgebakeError: no git, no repository, or no such commit.
    """
    commit = _commit(root, ref)
    prefix = _git(root, "rev-parse", "--show-prefix") or ""
    with _checkout(root, commit) as folder:
        yield folder / prefix


def file_at(folder: Path, ref: str, path: str) -> bytes:
    """Return a file as a commit has it.

    Args:
        folder: a folder of a git repository; what `path` is relative to.
        ref: what git knows as a commit.
        path: the file.

    Raises:
        EdgebakeError: no git, no repository, no such commit or file.
    """
    commit = _commit(folder, ref)
    text = _git(folder, "show", f"{commit}:./{path}", strip=False)
    if text is None:
        raise EdgebakeError(f"the commit {ref!r} has no file {path!r}")
    return text.encode()


def _commit(root: Path, ref: str) -> str:
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        _refuse_no_repository(root)
        raise EdgebakeError(
            f"git has no commit {ref!r}",
            hints=("fetch it first: git fetch origin", "in GitHub Actions: actions/checkout with fetch-depth: 0"),
        )
    return commit


def _compiled(root: Path) -> Before:
    if not (root / PROJECT_FILE).is_file():
        return Before({}, f"there was no {PROJECT_FILE}")
    try:
        compilation = compile_workspace(open_workspace(root))
        fingerprints = Fingerprints(compilation)
        graph = compilation.graph
        return Before(
            {
                (one.name, platform): fingerprints.of(graph.node(one.target, one.stage), platform).digest
                for one in graph.bake_targets
                if not one.is_test
                for platform in one.platforms
            }
        )
    except EdgebakeError as error:
        return Before({}, f"it does not compile: {error.message}")


@contextmanager
def _checkout(root: Path, commit: str) -> Iterator[Path]:
    raise_interrupt()
    with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
        place = Path(folder).resolve() / "checkout"
        try:
            if _git(root, "worktree", "add", "--quiet", "--detach", str(place), commit) is None:
                raise EdgebakeError(f"git cannot check out {commit[:12]}", hints=("git worktree add shows why",))
            yield place
        finally:
            _git(root, "worktree", "remove", "--force", str(place))


def _git(root: Path, *arguments: str, strip: bool = True) -> str | None:
    """Return what a git command prints, or None if it fails.

    Raises:
        EdgebakeError: there is no git, or it hangs.
    """
    command = ["git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError:
        raise EdgebakeError("git is not installed", hints=("install git",)) from None
    except subprocess.TimeoutExpired:
        raise EdgebakeError(f"git did not end within {TIMEOUT} s") from None
    if done.returncode != 0:
        return None
    return done.stdout.strip() if strip else done.stdout


def _refuse_no_repository(root: Path) -> None:
    if _git(root, "rev-parse", "--git-dir") is None:
        raise EdgebakeError("the project is not in a git repository", hints=("create one: git init",))
