"""Variables whose values are known only when executing: the commit, the day. Never in a committed file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.graph.names import refuse_collisions
from edgebake.load.workspace import Workspace
from edgebake.plan.settings import Settings, expanded_tags
from edgebake.system.git import revision


def prepared(compilation: Compilation, settings: Settings) -> Settings:
    """Return the settings with what is injected, once for a whole command.

    What the settings or the environment say already stays.

    Raises:
        EdgebakeError: the variables make something that is no tag, or one tag of two images.
    """
    known = {**settings.environment, **settings.variables}
    injected: dict[str, str] = {}
    for name, variable in compilation.workspace.project.variables.items():
        if variable.inject and name not in known:
            value = _value(name, variable.inject, compilation.workspace, settings.environment)
            injected |= {name: value} if value else {}
    settings = replace(settings, variables={**injected, **settings.variables})
    _refuse_colliding_tags(compilation, settings)
    return settings


def _value(name: str, kind: str, workspace: Workspace, environment: Mapping[str, str]) -> str:
    if kind == "date":
        return _date(environment)
    try:
        return revision(workspace.root)
    except EdgebakeError as error:
        raise EdgebakeError(
            f"the commit for the variable {name} cannot be read: {error.message}",
            at=workspace.at("variables", name, "inject"),
            reason=error.reason,
            hints=(*error.hints, f"or give the variable a value: --var {name}=…"),
        ) from None


def _date(environment: Mapping[str, str]) -> str:
    """Return the day as 20260131; that of SOURCE_DATE_EPOCH, if it is set (reproducible-builds.org)."""
    text = environment.get("SOURCE_DATE_EPOCH")
    try:
        now = datetime.now(timezone.utc) if text is None else datetime.fromtimestamp(int(text), timezone.utc)
        return now.strftime("%Y%m%d")
    except (ValueError, OverflowError, OSError):
        raise EdgebakeError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds") from None


def _refuse_colliding_tags(compilation: Compilation, settings: Settings) -> None:
    graph = compilation.graph
    images = graph.bake_targets
    declared = [(one.repository, one.tags, f"the image {one.image!r} on {one.target!r}") for one in images]
    for index in graph.indexes:
        declared.append((index.repository, (index.tag,), f"the index {index.tag!r} of the image {index.image!r}"))
    expanded = ((place, expanded_tags(compilation, settings, tags), owner) for place, tags, owner in declared)
    refuse_collisions([(f"{place}:{tag}", owner) for place, tags, owner in expanded for tag in tags], kind="tag")
