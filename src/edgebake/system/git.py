"""git: commits, files and checkouts of a repository, and the refs of a remote one.

No call waits for a person: git never asks for a password, and every call has a time limit. Hooks do not run.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.interrupt import raise_interrupt

TIMEOUT = 600  # seconds; a checkout of a large repository takes a while
_REMOTE_TIMEOUT = 120  # seconds


class GitError(EdgebakeError):
    """A git command failed. `reason` is git's own message."""


def commit_of(folder: Path, ref: str) -> str:
    """Return the commit that a branch, a tag or another name stands for in the repository of a folder.

    Raises:
        EdgebakeError: no git, no repository, or no such commit.
    """
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    except GitError:
        try:
            _git(folder, "rev-parse", "--git-dir")
        except GitError:
            hint = "changes are taken from git: run git init"
            raise EdgebakeError("the project is not in a git repository", hints=(hint,)) from None
    raise EdgebakeError(
        f"git has no commit {ref!r}",
        hints=("fetch it first: git fetch origin", "in GitHub Actions: actions/checkout with fetch-depth: 0"),
    )


def file_at(folder: Path, ref: str, path: str) -> bytes:
    """Return a file as a commit has it. `path` is relative to `folder`, which is in a repository.

    Raises:
        EdgebakeError: no git, no repository, no such commit or file.
    """
    commit = commit_of(folder, ref)
    try:
        return _git(folder, "show", "--end-of-options", f"{commit}:./{path}").encode()
    except GitError as error:
        raise EdgebakeError(f"the commit {ref!r} has no file {path!r}", reason=error.reason) from None


@contextmanager
def folder_at(folder: Path, ref: str) -> Iterator[Path]:
    """Give a folder of a repository as a commit has it; it may not exist there.

    The commit is checked out next to the repository for a moment (`git worktree`), so that files have the bytes and
    modes that a checkout gives them.

    Raises:
        EdgebakeError: no git, no repository, no such commit, or git cannot check it out.
    """
    commit = commit_of(folder, ref)
    prefix = _git(folder, "rev-parse", "--show-prefix").strip()
    raise_interrupt()
    with tempfile.TemporaryDirectory(prefix="edgebake-") as temporary:
        checkout = Path(temporary).resolve() / "checkout"
        try:
            _git(folder, "worktree", "add", "--quiet", "--detach", "--end-of-options", str(checkout), commit)
            yield checkout / prefix
        finally:
            with suppress(GitError):  # nothing was checked out
                _git(folder, "worktree", "remove", "--force", str(checkout))


def revision(folder: Path) -> str:
    """Return the commit of a checkout (12 digits), `-dirty` if files differ; empty if it is none."""
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD", timeout=30).strip()
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no", timeout=30)
    except EdgebakeError:
        return ""
    return f"{commit}-dirty" if changes else commit


def ref_names(folder: Path) -> list[str]:
    """Return the branches and tags of the repository that a folder is in; none if it is in none."""
    try:
        names = _git(folder, "for-each-ref", "--format=%(refname:short)", "refs", timeout=1)
    except EdgebakeError:
        return []
    return ["HEAD", *names.split()]


def remote_commit(url: str, ref: str) -> str:
    """Return the commit that a tag or branch of a remote repository names now.

    Raises:
        EdgebakeError: no git, git cannot read the repository, or there is no such tag or branch.
    """
    # ^{} is the commit that an annotated tag names.
    names = (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}")
    output = _git(None, "ls-remote", "--end-of-options", url, *names, timeout=_REMOTE_TIMEOUT)
    lines = (line.partition("\t") for line in output.splitlines())
    commits = {name: commit for commit, _, name in lines}
    for name in names:
        if name in commits:
            return commits[name]
    raise EdgebakeError(f"{url} has no tag or branch {ref!r}")


def _git(folder: Path | None, command: str, *arguments: str, timeout: float = TIMEOUT) -> str:
    """Return what a git command prints, about the repository of a folder if one is given.

    Raises:
        GitError: it fails.
        EdgebakeError: git is not installed, or does not end in time.
    """
    place = ["-C", str(folder)] if folder else []
    words = ["git", *place, "-c", "core.hooksPath=/dev/null", command, *arguments]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
    except FileNotFoundError:
        raise EdgebakeError("git is not installed", hints=("install git",)) from None
    except subprocess.TimeoutExpired:
        raise EdgebakeError(f"git {command} did not end within {timeout:.0f} s") from None
    if done.returncode != 0:
        raise GitError(f"git {command} failed", reason=done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout
