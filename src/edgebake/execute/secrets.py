"""Secrets and SSH keys of a bake: where they are, and whether they are there. Their values are never read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from edgebake.errors import EdgebakeError, ErrorGroup, did_you_mean
from edgebake.graph.compile import Compilation
from edgebake.graph.node import Node
from edgebake.graph.secrets import Needs, needs_of
from edgebake.graph.steps import CA_SECRET
from edgebake.load.workspace import Workspace
from edgebake.model.secret import AGENT, HOME
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings
from edgebake.plan.steps import Bake, PublishStages
from edgebake.text.words import listed


def check_secrets(plan: Plan, settings: Settings) -> None:
    """Check that what a bake is given is there: Buildx gives a build an empty secret if a variable is not set.

    Raises:
        EdgebakeError: something is missing, or is given and declared nowhere. All is reported at once.
    """
    workspace = plan.compilation.workspace
    errors = [_unknown(name, workspace) for name in settings.secrets if name not in workspace.project.secrets]
    needed: dict[tuple[str, str], list[str]] = {}
    for title, needs in _needs(plan):
        for kind, names in (("secret", needs.secrets), ("ssh", needs.ssh)):
            for name in names:
                needed.setdefault((kind, name), []).append(title)
    for (kind, name), targets in needed.items():
        check = _missing_secret if kind == "secret" else _missing_key
        missing = check(workspace, settings, name)
        if missing:
            errors.append(_error(workspace, kind, name, missing, targets))
    if errors:
        raise errors[0] if len(errors) == 1 else ErrorGroup(errors)


def _needs(plan: Plan) -> Iterator[tuple[str, Needs]]:
    """Yield what is built, for people, and what it needs."""
    for step in plan.steps:
        if isinstance(step, Bake):
            for item in step.images:  # their tests need the same
                yield item.bake_target.name, plan.compilation.needs[item.bake_target.name]
        elif isinstance(step, PublishStages):
            for published in step.stages:
                yield published.stage.node.title, stage_needs(plan.compilation, published.stage.node)


def stage_needs(compilation: Compilation, node: Node) -> Needs:
    """Return what one stage, with all that it is made from, is built with."""
    declared = compilation.workspace.project.secrets
    return needs_of(compilation.graph.needed_by(node.target, [node.id]), declared)


def given_overrides(compilation: Compilation, settings: Settings, name: str, needs: Needs) -> dict[str, list[str]]:
    """Return the `--set` values that put what the settings name in the place of what the bake file names, by key.

    Args:
        compilation: the project.
        settings: where secrets and keys are.
        name: the bake target.
        needs: what it is built with.
    """
    given = {f"{name}.secrets": settings.secrets.keys() & set(needs.secrets)}
    given[f"{name}.ssh"] = settings.ssh.keys() & set(needs.ssh)
    found = all_overrides(compilation, settings, name, needs) if any(given.values()) else {}
    return {key: values for key, values in found.items() if given[key]}


def all_overrides(compilation: Compilation, settings: Settings, name: str, needs: Needs) -> dict[str, list[str]]:
    """Return the `--set` values for all that a bake target is built with, by key; they replace the bake file's."""
    workspace = compilation.workspace
    bundle = settings.variables.get("CA_BUNDLE") or settings.environment.get("CA_BUNDLE")
    bundle = bundle or workspace.project.ca_bundle if workspace.project.ca_bundle is not None else ""
    secrets = [f"type=file,id={CA_SECRET},src={bundle}"] if bundle and needs.secrets else []
    secrets += [_secret(workspace, settings, one) for one in needs.secrets]
    keys = [_key(workspace, settings, one) for one in needs.ssh]
    return {f"{name}.{key}": values for key, values in (("secrets", secrets), ("ssh", keys)) if values}


def _secret(workspace: Workspace, settings: Settings, name: str) -> str:
    kind, _, value = _where(workspace, settings, name).partition("=")
    return f"type={'env' if kind == 'env' else 'file'},id={name},{kind}={value}"


def _key(workspace: Workspace, settings: Settings, name: str) -> str:
    file = _key_file(workspace, settings, name)
    return f"{name}={file}" if file else name


def _where(workspace: Workspace, settings: Settings, name: str) -> str:
    """Return where a secret is: `env=NAME` or `src=FILE`."""
    if name in settings.secrets:
        return settings.secrets[name]
    secret = workspace.project.secrets[name]
    return f"env={secret.env}" if secret.env else f"src={_real(workspace, settings, str(secret.file))}"


def _key_file(workspace: Workspace, settings: Settings, name: str) -> str:
    """Return the file of a key; "" for the agent."""
    if name in settings.ssh:
        return settings.ssh[name]
    source = workspace.project.ssh.get(name, AGENT)
    return "" if source == AGENT else _real(workspace, settings, source)


def _real(workspace: Workspace, settings: Settings, path: str) -> str:
    if path.startswith(HOME):
        return str(Path(settings.environment.get("HOME", "/")) / path.removeprefix(HOME))
    return str(workspace.root / path)


# ── what is missing


def _missing_secret(workspace: Workspace, settings: Settings, name: str) -> str:
    kind, _, value = _where(workspace, settings, name).partition("=")
    if kind == "env":
        return "" if settings.environment.get(value) else f"the variable {value} is not set"
    return "" if Path(value).is_file() else f"the file {value} does not exist"


def _missing_key(workspace: Workspace, settings: Settings, name: str) -> str:
    file = _key_file(workspace, settings, name)
    if file:
        return "" if Path(file).exists() else f"the file {file} does not exist"
    return _missing_agent(settings.environment)


def _missing_agent(environment: Mapping[str, str]) -> str:
    socket = environment.get("SSH_AUTH_SOCK", "")
    if not socket:
        return "no SSH agent is running (SSH_AUTH_SOCK is not set)"
    return "" if Path(socket).is_socket() else f"SSH_AUTH_SOCK names {socket}, which is no agent"


def _error(workspace: Workspace, kind: str, name: str, missing: str, targets: Iterable[str]) -> EdgebakeError:
    is_secret = kind == "secret"
    hints = (
        (f"name another place: --secret id={name},src=FILE, or --secret id={name},env=VARIABLE",)
        if is_secret
        else ("start one: eval $(ssh-agent); ssh-add", f"or name a key: --ssh {name}=FILE")
    )
    return EdgebakeError(
        f"the {'secret' if is_secret else 'SSH key'} {name} is missing: {missing}",
        at=workspace.at("secrets" if is_secret else "ssh", name),
        reason=f"it is needed to build {listed(list(targets))}",
        hints=hints,
    )


def _unknown(name: str, workspace: Workspace) -> EdgebakeError:
    hints = did_you_mean(name, workspace.project.secrets, kind="secret")
    return EdgebakeError(f"--secret: the project has no secret {name!r}", hints=hints)
