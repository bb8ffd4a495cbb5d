"""git: commits, files and checkouts, and what happens where git refuses."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from edgebake.errors import EdgebakeError
from edgebake.system.git import (
    GitError,
    commit_of,
    file_at,
    folder_at,
    login_environment,
    ref_names,
    remote_commit,
    revision,
)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a commit, an annotated tag v1 of it, a later commit, and a folder `sub`."""
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        (folder / "sub/file").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", text)
        if text == "one":
            git(folder, "tag", "--annotate", "v1", "--message", "first")
    return folder


def test_a_commit_a_file_and_a_folder_at_it(repository: Path) -> None:
    first = git(repository, "rev-parse", "v1^{commit}")
    sub = repository / "sub"
    assert commit_of(sub, "v1") == first
    assert file_at(sub, "v1", "file") == b"one"
    with folder_at(sub, "v1") as folder:
        assert (folder / "file").read_text() == "one"
    assert not folder.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


@pytest.mark.parametrize("ref", ["none", "--all", "-x", ""])
def test_a_ref_that_git_does_not_know_is_never_an_option(repository: Path, ref: str) -> None:
    with pytest.raises(EdgebakeError, match=f"git has no commit {ref!r}"):
        commit_of(repository, ref)


def test_no_repository_and_no_file_are_errors(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match="not in a git repository"):
        commit_of(tmp_path, "HEAD")
    with pytest.raises(EdgebakeError, match="the commit 'HEAD' has no file 'none'") as raised:
        file_at(repository, "HEAD", "none")
    assert "path 'none' does not exist" in str(raised.value.reason)


def test_a_hook_of_the_repository_does_not_run(repository: Path, tmp_path: Path) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with folder_at(repository, "HEAD"):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_revision_says_whether_files_differ(repository: Path, tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "--short=12", "HEAD")
    (repository / "untracked").touch()
    assert revision(repository) == head
    (repository / "sub/file").write_text("three")
    assert revision(repository) == f"{head}-dirty"
    assert revision(tmp_path) == ""


def test_names_of_refs(repository: Path, tmp_path: Path) -> None:
    assert ref_names(repository) == ["HEAD", "main", "v1"]
    assert ref_names(tmp_path) == []


def test_a_remote_tag_is_the_commit_that_it_names(repository: Path) -> None:
    url = f"file://{repository}"
    assert remote_commit(url, "v1") == git(repository, "rev-parse", "v1^{commit}")
    assert remote_commit(url, "main") == git(repository, "rev-parse", "main")
    with pytest.raises(EdgebakeError, match="has no tag or branch 'v2'"):
        remote_commit(url, "v2")


def test_a_remote_that_fails_says_why_in_gits_own_words(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="git ls-remote failed") as raised:
        remote_commit(f"file://{tmp_path}/none", "v1")
    assert "does not appear to be a git repository" in str(raised.value.reason)


def test_an_address_is_never_an_option(tmp_path: Path) -> None:
    with pytest.raises(GitError):
        remote_commit(f"--upload-pack=touch {tmp_path}/ran", "v1")
    assert not (tmp_path / "ran").exists()


class WantsLogin(BaseHTTPRequestHandler):
    """A server that asks for a password, and remembers what it was sent."""

    sent: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.sent.append(self.headers["Authorization"])
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def private() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), WantsLogin) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/app.git"
        server.shutdown()
        thread.join()


def test_nobody_is_asked_for_a_password(private: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith("ASKPASS")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(GitError) as raised:
        remote_commit(private, "v1")
    assert "terminal prompts disabled" in str(raised.value.reason)


def test_no_program_that_git_starts_has_a_terminal(tmp_path: Path) -> None:
    """As for ssh, which asks whether to trust a host, and for a passphrase."""
    asks = tmp_path / "ssh"
    asks.write_text("#!/bin/sh\n( : < /dev/tty ) && sleep 60\necho nobody to ask >&2\nexit 1\n")
    asks.chmod(0o755)
    program = (
        "from edgebake.system.git import remote_commit\n"
        "try:\n    remote_commit('git@127.0.0.1:robots/private.git', 'v1')\n"
        "except Exception as error:\n    print(error)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["GIT_SSH_COMMAND"] = str(asks)
        os.execv(sys.executable, [sys.executable, "-c", program])
    said = b""
    with contextlib.suppress(OSError):  # the end, on Linux
        while data := os.read(terminal, 4096):
            said += data
    os.waitpid(pid, 0)
    assert b"nobody to ask" in said


def test_what_git_started_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebake.system.git._REMOTE_TIMEOUT", 1)
    monkeypatch.setenv("GIT_SSH_COMMAND", "sleep 60; true")
    start = time.monotonic()
    with pytest.raises(EdgebakeError, match="did not end within 1 s"):
        remote_commit("git@127.0.0.1:robots/private.git", "v1")
    assert time.monotonic() - start < 30


def test_a_login_goes_to_its_server_and_is_no_option(private: str) -> None:
    login = login_environment(private, "Basic eDp5")
    with pytest.raises(GitError) as raised:  # the server wants another one
        remote_commit(private, "v1", login)
    assert "eDp5" not in str(raised.value)
    assert WantsLogin.sent[-1] == "Basic eDp5"
    other = {**login, "GIT_CONFIG_KEY_0": "http.https://elsewhere.example.com/.extraheader"}
    with pytest.raises(GitError):
        remote_commit(private, "v1", other)
    assert WantsLogin.sent[-1] is None


def test_a_checkout_of_another_user_is_not_no_checkout(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for call in (lambda: revision(repository / "sub"), lambda: commit_of(repository, "HEAD")):
        with pytest.raises(EdgebakeError, match="git refuses to read the project's repository") as raised:
            call()
        assert "safe.directory" in str(raised.value.reason)
        assert "another user" in str(raised.value.hints)


def test_a_checkout_without_a_commit_and_a_broken_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert revision(tmp_path) == ""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(EdgebakeError, match="git refuses to read"):
        revision(broken)


def test_without_git_there_is_an_error_with_a_hint(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EdgebakeError, match="git is not installed"):
        commit_of(repository, "HEAD")
    with pytest.raises(EdgebakeError, match="git is not installed"):
        revision(repository)
    assert revision(tmp_path_factory.mktemp("none")) == ""
    assert ref_names(repository) == []
