"""Buildx builders: made from the project's settings, and what their nodes can do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.interrupt import raise_interrupt
from edgebake.model.builder import Builder, BuilderNode
from edgebake.model.output.plan import PlatformWork
from edgebake.plan.builder import Plan
from edgebake.system.docker import docker, last_line
from edgebake.text.words import counted

TIMEOUT = 300  # seconds; a builder may have to start, on another machine


@dataclass(frozen=True)
class Node:
    """A node of a builder, as Buildx reports it.

    `declared` are the platforms that the builder's settings give it; `platforms` all that it can do, its own first.
    """

    name: str
    endpoint: str
    status: str
    declared: tuple[str, ...]
    platforms: tuple[str, ...]
    error: str = ""

    @property
    def native(self) -> tuple[str, ...]:
        """What it runs natively: what it is declared for, else the first of what it can do, its machine's own."""
        return self.declared or self.platforms[:1]


@dataclass(frozen=True)
class BuilderState:
    """A builder as Buildx reports it."""

    name: str
    driver: str
    nodes: tuple[Node, ...]


# ── what is there


def inspect(name: str | None) -> BuilderState:
    """Return a builder's state; its nodes are started if necessary.

    Args:
        name: the builder; None: the one in use.

    Raises:
        EdgebakeError: there is no such builder.
    """
    words = [name] if name else []
    done = _buildx("inspect", "--bootstrap", *words)
    if done.returncode == 0:
        return parse_inspect(done.stdout)
    # The other nodes are of use even if one does not start.
    state = parse_inspect(_buildx("inspect", *words).stdout)
    error = last_line(done.stderr)
    failed = (n if n.status == "running" or n.error else replace(n, error=error) for n in state.nodes)
    nodes = tuple(failed)
    if all(node.error for node in nodes):
        hints = ("docker buildx ls lists the builders", "edgebake builder create makes the project's builder")
        raise EdgebakeError(f"the builder {name or 'in use'!r} cannot be used", reason=error, hints=hints)
    return replace(state, nodes=nodes)


def parse_inspect(text: str) -> BuilderState:
    """Return what `docker buildx inspect` prints. A platform that a node is declared for has a `*` behind it."""
    head, _, rest = text.partition("\nNodes:")
    nodes = [_fields(part) for part in re.split(r"\n\s*\n", rest) if part.strip()]
    fields = _fields(head)
    return BuilderState(fields.get("Name", ""), fields.get("Driver", ""), tuple(_node(one) for one in nodes))


def _fields(text: str) -> dict[str, str]:
    pairs = (re.match(r"^([A-Z][A-Za-z ]*):\s*(.*)$", line) for line in text.splitlines())
    return {pair[1]: pair[2].strip() for pair in pairs if pair}


def _node(fields: dict[str, str]) -> Node:
    words = [word.strip() for word in fields.get("Platforms", "").split(",") if word.strip()]
    declared = tuple(word.rstrip("*") for word in words if word.endswith("*"))
    platforms = tuple(word.rstrip("*") for word in words)
    name, endpoint, status, error = (fields.get(key, "") for key in ("Name", "Endpoint", "Status", "Error"))
    return Node(name, endpoint, status, declared, platforms, error)


# ── who does what


def work_by_platform(plan: Plan, state: BuilderState) -> list[PlatformWork]:
    """Return how a builder would do a plan's platforms."""
    stages: dict[str, set[str]] = {}
    for target in plan.targets:
        for platform in target.platforms:
            nodes = (change.node for change in target.changes_on([platform]))
            running = {f"{node.target} {node.id}" for node in nodes if node.runs_on_target(platform)}
            stages.setdefault(platform, set()).update(running)
    return [work_for(platform, len(found), state) for platform, found in sorted(stages.items())]


def work_for(platform: str, stages: int, state: BuilderState) -> PlatformWork:
    """Return how a builder does one platform. Buildx prefers a node that is declared for it, then the first.

    Args:
        platform: the platform.
        stages: how many stages run commands on it.
        state: the builder.
    """
    nodes = [node for node in state.nodes if not node.error]
    native = [node for node in nodes if platform in node.declared] or [n for n in nodes if platform in n.native]
    able = [node for node in nodes if platform in node.platforms]
    if native:
        mode, node = "native", native[0].name
    elif not stages and nodes:
        mode, node = "cross", nodes[0].name
    elif able:
        mode, node = "emulated", able[0].name
    else:
        mode, node = "missing", None
    return PlatformWork(platform=platform, mode=mode, node=node, stages_run=stages)


def work_sentence(work: PlatformWork) -> str:
    """Return how a platform is done, as a line for people."""
    match work.mode:
        case "native":
            return f"{work.platform}: native on {work.node}"
        case "cross":
            return f"{work.platform}: cross-compiled on {work.node}; no stage runs on {work.platform}"
        case "emulated":
            stages = f"{counted(work.stages_run, 'stage')} {'runs' if work.stages_run == 1 else 'run'}"
            return f"{work.platform}: emulated on {work.node}; {stages} under QEMU"
        case "missing":
            return f"{work.platform}: no node of the builder supports it"


# ── making one


@dataclass(frozen=True)
class WantedNode:
    """A node to be made: one endpoint, with all platforms that it stands for."""

    name: str
    platforms: tuple[str, ...]
    node: BuilderNode


def wanted_nodes(builder: Builder) -> list[WantedNode]:
    """Return the nodes of the project's builder, by name; equal machines are one node."""
    wanted: list[WantedNode] = []
    nodes = dict(sorted(builder.nodes.items()))
    for node in nodes.values():
        platforms = tuple(platform for platform, same in nodes.items() if same == node)
        name = "-".join([builder.name, *(platform.split("/")[1] for platform in platforms)])
        wanted += [] if any(one.node == node for one in wanted) else [WantedNode(name, platforms, node)]
    return wanted


def create_commands(builder: Builder, known: BuilderState | None, config: str = "") -> list[list[str]]:
    """Return the arguments of `docker buildx` that make a builder, or bring one up to date.

    Args:
        builder: the project's builder.
        known: what there is of that name now.
        config: path of BuildKit's configuration; "" for none.

    Raises:
        EdgebakeError: there is one with another driver.
    """
    if known is not None and known.driver != builder.driver:
        message = f"the builder {builder.name!r} already exists with the driver {known.driver}"
        reason = f"the project wants {builder.driver}; Buildx cannot change a builder's driver"
        hints = (f"remove it, with its cache: docker buildx rm {builder.name}", "or use another builder.name")
        raise EdgebakeError(message, reason=reason, hints=hints)
    wanted = {one.name: one for one in wanted_nodes(builder)}
    there = {node.name: node.endpoint for node in known.nodes} if known else {}
    # Buildx refuses one endpoint twice, even for a moment: what goes, or moves, goes first.
    kept = {name for name, endpoint in there.items() if name in wanted and _is_at(wanted[name], endpoint)}
    commands = [["create", "--name", builder.name, "--leave", "--node", name] for name in there if name not in kept]
    if there and not kept:  # and the last node cannot leave
        commands = [["rm", "--keep-state", builder.name]]
    exists = bool(kept)
    for one in wanted.values():
        commands.append(_create(builder, one, append=exists and one.name not in kept, config=config))
        exists = True
    return commands


def _is_at(wanted: WantedNode, endpoint: str) -> bool:
    return wanted.node.endpoint in (None, endpoint)


def _create(builder: Builder, wanted: WantedNode, *, append: bool, config: str) -> list[str]:
    command = ["create", "--name", builder.name, "--driver", builder.driver, "--node", wanted.name]
    command += ["--append"] if append else []
    command += ["--platform", ",".join(wanted.platforms)]
    command += ["--buildkitd-config", config] if config else []
    for key, value in sorted({**builder.options, **wanted.node.options}.items()):
        command += ["--driver-opt", f"{key}={value}"]
    # An endpoint stands last, behind `--`, so that none is read as an option.
    return [*command, "--", wanted.node.endpoint] if wanted.node.endpoint else command


def create_builder(builder: Builder, config: str = "") -> Iterator[str]:
    """Make the project's builder, or bring it up to date; yield the commands as they are run.

    Args:
        builder: the project's builder.
        config: path of BuildKit's configuration; "" for none.

    Raises:
        EdgebakeError: Buildx refuses.
    """
    raise_interrupt()
    for command in create_commands(builder, existing(builder.name), config):
        yield " ".join(["docker", "buildx", *command])
        done = _buildx(*command)
        if done.returncode != 0:
            message = f"Buildx cannot make the builder {builder.name!r}"
            hints = ("see builder in edgebake.yaml", "docker context ls lists the Docker contexts")
            raise EdgebakeError(message, reason=last_line(done.stderr), hints=hints)


def existing(name: str) -> BuilderState | None:
    """Return the builder of that name, not started, or None if there is none."""
    done = _buildx("inspect", name)
    state = parse_inspect(done.stdout)
    return state if state.nodes else None


def use(name: str) -> None:
    """Make a builder the one in use.

    Raises:
        EdgebakeError: Buildx refuses.
    """
    done = _buildx("use", name)
    if done.returncode != 0:
        raise EdgebakeError(f"the builder {name!r} cannot be used", reason=last_line(done.stderr))


def problems(builder: Builder, state: BuilderState) -> list[str]:
    """Return what is wrong with a builder, compared with what the project says."""
    found = [f"node {node.name}: {node.error}" for node in state.nodes if node.error]
    if state.driver != builder.driver:
        found.append(f"the driver is {state.driver}, not {builder.driver}")
    nodes = {node.name: node for node in state.nodes}
    for wanted in wanted_nodes(builder):
        node = nodes.get(wanted.name)
        if node is None:
            found.append(f"the node {wanted.name} is missing, for {', '.join(wanted.platforms)}")
        elif not _is_at(wanted, node.endpoint):
            found.append(f"node {node.name} is at {node.endpoint}, not at {wanted.node.endpoint}")
        elif not node.error:
            lacking = [platform for platform in wanted.platforms if platform not in node.platforms]
            found += [f"node {node.name} does not support {platform}" for platform in lacking]
    names = [one.name for one in wanted_nodes(builder)]
    return [*found, *(f"the project does not name the node {name}" for name in nodes if name not in names)]


def _buildx(*arguments: str) -> subprocess.CompletedProcess[str]:
    return docker("buildx", *arguments, timeout=TIMEOUT, needs_engine=False)
