"""Which secrets and SSH keys stages are built with: what they mount, and what BuildKit looks up itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from urllib.parse import urlsplit

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.build_graph import BakeTarget, BuildGraph
from edgebake.graph.node import Node
from edgebake.graph.ops import Add
from edgebake.graph.steps import CA_SECRET
from edgebake.load.workspace import Workspace
from edgebake.model.secret import DEFAULT_SSH, git_secret, http_secret, is_for_every_server
from edgebake.text.words import listed


@dataclass(frozen=True)
class Needs:
    """The names of the secrets and SSH keys that a build is given, sorted; without certificates."""

    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()


def build_needs(graph: BuildGraph, declared: Collection[str]) -> dict[str, Needs]:
    """Return what each bake target is given, by its name.

    Args:
        graph: the stages.
        declared: the names of the project's secrets.
    """
    needy = {node.key for node in graph if needs_of([node], declared) != Needs()}
    return {one.name: _needs(graph, one, declared) if needy else Needs() for one in graph.bake_targets}


def _needs(graph: BuildGraph, bake_target: BakeTarget, declared: Collection[str]) -> Needs:
    return needs_of(graph.needed_by(bake_target.target, [bake_target.stage]), declared)


def needs_of(nodes: Iterable[Node], declared: Collection[str]) -> Needs:
    """Return what some stages are given."""
    secrets: set[str] = set()
    ssh: set[str] = set()
    for node in nodes:
        for body in node.bodies.values():
            secrets |= body.ops.secrets - {CA_SECRET}
            ssh |= body.ops.ssh
            for add in body.ops.fetched:
                login = _login(add, declared)
                secrets |= {login} if login else set()
                ssh |= {DEFAULT_SSH} if _is_ssh(add) else set()
    return Needs(tuple(sorted(secrets)), tuple(sorted(ssh)))


def refuse_bad_secrets(workspace: Workspace, graph: BuildGraph) -> None:
    """Refuse secrets and keys that the project does not declare, and a token that several servers would get.

    Raises:
        EdgebakeError: naming the recipe.
    """
    project = workspace.project
    for node in graph:
        needs = needs_of([node], project.secrets)
        for name in needs.secrets:
            if name not in project.secrets:
                variable = "".join(c if c.isalnum() else "_" for c in name.upper())
                raise _undeclared(workspace, node, "secret", name, f"secrets: {{{name}: {{env: {variable}}}}}")
        for name in needs.ssh:
            if name not in project.ssh and name != DEFAULT_SSH:
                raise _undeclared(workspace, node, "SSH key", name, f"ssh: {{{name}: ~/.ssh/{name}}}")
    for name in filter(is_for_every_server, project.secrets):
        servers = sorted({server for node in graph for server in _servers(node, name, project.secrets)})
        if len(servers) > 1:
            raise EdgebakeError(
                f"the secret {name} would be sent to {listed(servers)}",
                at=workspace.at("secrets", name),
                reason="BuildKit gives a secret of this name to every git server",
                hints=(f"name the server that it is for: {name}.{servers[0]}",),
            )


def _undeclared(workspace: Workspace, node: Node, kind: str, name: str, example: str) -> EdgebakeError:
    pin = next(iter(node.pins.values()), None)
    key = "secrets" if kind == "secret" else "ssh"
    return EdgebakeError(
        f"the recipe {node.recipe!r} builds with the {kind} {name!r}, which the project does not declare",
        at=pin.loaded.document.at(("build", key)) if pin else workspace.at(),
        hints=(f"say where it is, in edgebake.yaml: {example}",),
    )


def _servers(node: Node, name: str, declared: Collection[str]) -> Iterator[str]:
    for body in node.bodies.values():
        for add in body.ops.fetched:
            if _is_git(add) and _login(add, declared) == name:
                yield urlsplit(add.source).netloc.rpartition("@")[2]


def _login(add: Add, declared: Collection[str]) -> str | None:
    if not add.source.startswith(("http://", "https://")):
        return None
    address = add.source.partition("#")[0]
    return git_secret(address, declared) if _is_git(add) else http_secret(address, declared)


def _is_git(add: Add) -> bool:
    return "#" in add.source


def _is_ssh(add: Add) -> bool:
    scheme, separator, _ = add.source.partition("://")
    return scheme == "ssh" if separator else "@" in scheme
