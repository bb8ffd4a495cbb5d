"""The secrets and SSH keys of builds in a workflow: GitHub's secrets, as variables, files or an agent."""

from __future__ import annotations

import re

from edgebake.dataclasses import dataclass
from edgebake.graph.compile import compile_workspace
from edgebake.load.workspace import Workspace
from edgebake.model.secret import AGENT, HOME

AGENT_KEY = "SSH_PRIVATE_KEY"
"""GitHub's secret with the key that the agent gets."""


@dataclass(frozen=True)
class WorkflowSecrets:
    """What a job that builds is given.

    Attributes:
        variables: names of variables, which are those of GitHub's secrets as well.
        files: GitHub's secrets, and the files that they are written to.
        agent: GitHub's secret with the agent's key; "" if no agent is needed.
    """

    variables: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    agent: str = ""


def workflow_secrets(workspace: Workspace) -> WorkflowSecrets:
    """Return what the builds of a project need.

    Raises:
        EdgebakeError: the project cannot be compiled.
    """
    project, needs = workspace.project, compile_workspace(workspace).needs.values()
    secrets = [project.secrets[name] for name in sorted({name for one in needs for name in one.secrets})]
    names = sorted({name for one in needs for name in one.secrets})
    keys = {name: project.ssh.get(name, AGENT) for name in sorted({name for one in needs for name in one.ssh})}
    files = [(_github_name(name), str(one.file)) for name, one in zip(names, secrets, strict=True) if one.file]
    files += [(_github_name(f"ssh_{name}"), file) for name, file in keys.items() if file != AGENT]
    return WorkflowSecrets(
        tuple(sorted({one.env for one in secrets if one.env})),
        tuple((name, _in_shell(file)) for name, file in files),
        AGENT_KEY if AGENT in keys.values() else "",
    )


def _github_name(name: str) -> str:
    """Return a name that GitHub takes: letters, digits and '_'."""
    return re.sub(r"[^A-Z0-9_]", "_", name.upper())


def _in_shell(file: str) -> str:
    return f"$HOME/{file.removeprefix(HOME)}" if file.startswith(HOME) else file
