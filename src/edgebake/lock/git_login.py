"""The logins that locking uses, for git servers and package indexes: the secrets that builds use as well."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebake.graph.steps import NETRC
from edgebake.load.workspace import Workspace
from edgebake.model.secret import git_secret, is_header
from edgebake.system.git import login_environment


def git_login(workspace: Workspace, url: str) -> dict[str, str]:
    """Return the variables that log git in to the server of a URL; none if the user's own git has to do.

    A secret that is not there is no error: git's own credentials (a helper, ~/.netrc) may do.
    """
    name = git_secret(url, workspace.project.secrets) if url.startswith(("http://", "https://")) else None
    value = _value(workspace, name) if name else ""
    if not name or not value:
        return {}
    basic = base64.b64encode(f"x-access-token:{value}".encode()).decode()
    return login_environment(url, value if is_header(name) else f"basic {basic}")


@contextmanager
def index_logins(workspace: Workspace) -> Iterator[Path | None]:
    """Give the file of the project's secret `netrc`; None if it has none, so that the user's own file is read.

    A value from the environment is in a file only for the time of the `with` block, which only the user can read.
    """
    secret = workspace.project.secrets.get(NETRC)
    if secret is None:
        yield None
    elif secret.env is None:
        yield _file(workspace, NETRC)
    else:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="edgebake-") as file:
            file.write(_value(workspace, NETRC))
            file.flush()
            yield Path(file.name)


def _value(workspace: Workspace, name: str) -> str:
    secret = workspace.project.secrets[name]
    if secret.env:
        return os.environ.get(secret.env, "")
    file = _file(workspace, name)
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _file(workspace: Workspace, name: str) -> Path:
    return workspace.root / Path(str(workspace.project.secrets[name].file)).expanduser()
