"""The login that locking uses for a git server: the project's secret that BuildKit would use as well."""

from __future__ import annotations

import base64
import os
from pathlib import Path

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


def _value(workspace: Workspace, name: str) -> str:
    secret = workspace.project.secrets[name]
    if secret.env:
        return os.environ.get(secret.env, "")
    file = workspace.root / Path(str(secret.file)).expanduser()
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
