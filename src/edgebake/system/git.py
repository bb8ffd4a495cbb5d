"""git: commits, files and checkouts of a repository, and the refs of a remote one.

No call waits for a person: neither git nor the ssh that it starts can ask for anything, and every call has a time
limit. Hooks do not run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from edgebake.errors import EdgebakeError
from edgebake.interrupt import raise_interrupt

TIMEOUT = 600  # seconds; a checkout of a large repository takes a while
_REMOTE_TIMEOUT = 120  # seconds

# git-credential and ssh(1): no prompt, also none in a window. There is no terminal either (start_new_session).
_ASKS_NOTHING = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
}


_OTHER_OWNER = (
    "the files belong to another user, as in a container; if you trust them, run the command that git names, "
    "or give the folder to the user who runs edgebake"
)


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
        _refuse_no_repository(folder)
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
    """Return the commit of a checkout (12 digits), `-dirty` if files differ; empty if it is none, or has no commit.

    Raises:
        EdgebakeError: it is a checkout, and git cannot read it, or is not installed.
    """
    if not _is_in_repository(folder):
        return ""
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD", timeout=30).strip()
    except GitError:
        _refuse_no_repository(folder)
        return ""
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", timeout=30)
    return f"{commit}-dirty" if changes else commit


def ref_names(folder: Path) -> list[str]:
    """Return the branches and tags of the repository that a folder is in; none if it is in none."""
    try:
        names = _git(folder, "for-each-ref", "--format=%(refname:short)", "refs", timeout=1)
    except EdgebakeError:
        return []
    return ["HEAD", *names.split()]


def remote_commit(url: str, ref: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the commit that a tag or branch of a remote repository names now.

    Args:
        url: the repository.
        ref: the tag or branch.
        environment: further variables for git, such as a login (:func:`login_environment`).

    Raises:
        EdgebakeError: no git, git cannot read the repository, or there is no such tag or branch.
    """
    # ^{} is the commit that an annotated tag names.
    names = (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}")
    arguments = ("--end-of-options", url, *names)
    output = _git(None, "ls-remote", *arguments, timeout=_REMOTE_TIMEOUT, environment=environment)
    lines = (line.partition("\t") for line in output.splitlines())
    commits = {name: commit for commit, _, name in lines}
    for name in names:
        if name in commits:
            return commits[name]
    raise EdgebakeError(f"{url} has no tag or branch {ref!r}")


def login_environment(url: str, authorization: str) -> dict[str, str]:
    """Return the variables that make git send an Authorization header to the server of a URL, and to no other.

    It is no option of git's: everybody on a machine can read those.
    """
    parts = urlsplit(url)
    key = f"http.{parts.scheme}://{parts.netloc.rpartition('@')[2]}/.extraheader"
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": key,
        "GIT_CONFIG_VALUE_0": f"Authorization: {authorization}",
    }


def _git(
    folder: Path | None,
    command: str,
    *arguments: str,
    timeout: float = TIMEOUT,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Return what a git command prints, about the repository of a folder if one is given.

    Raises:
        GitError: it fails.
        EdgebakeError: git is not installed, or does not end in time.
    """
    place = ["-C", str(folder)] if folder else []
    words = ["git", *place, "-c", "core.hooksPath=/dev/null", command, *arguments]
    try:
        code, out, error = _run(words, timeout, {**os.environ, **_ASKS_NOTHING, **(environment or {})})
    except FileNotFoundError:
        raise EdgebakeError("git is not installed", hints=("install git",)) from None
    except subprocess.TimeoutExpired:
        raise EdgebakeError(f"git {command} did not end within {timeout:.0f} s") from None
    if code != 0:
        raise GitError(f"git {command} failed", reason=error.strip() or f"exit code {code}")
    return out


def _run(words: Sequence[str], timeout: float, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command in a session of its own, without a terminal; return exit code, output and errors.

    What it has started ends with it: ssh, and the programs that git calls for a protocol.
    """
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    with process:
        try:
            out, error = process.communicate(timeout=timeout)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out, error


def _is_in_repository(folder: Path) -> bool:
    """Tell whether a folder is in a repository, by its files; git may refuse to read it."""
    here = folder.resolve()
    return bool(os.environ.get("GIT_DIR")) or any((place / ".git").exists() for place in (here, *here.parents))


def _refuse_no_repository(folder: Path) -> None:
    """Refuse a folder whose repository git cannot read, or that is in none.

    Raises:
        EdgebakeError: with git's own message, if there is a repository.
    """
    try:
        _git(folder, "rev-parse", "--git-dir")
    except GitError as error:
        if _is_in_repository(folder):
            owned = "safe.directory" in str(error.reason)
            raise EdgebakeError(
                "git refuses to read the project's repository",
                reason=error.reason,
                hints=(_OTHER_OWNER,) if owned else (),
            ) from None
        raise EdgebakeError(
            "the project is not in a git repository", hints=("changes are taken from git: run git init",)
        ) from None
