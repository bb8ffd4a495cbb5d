"""From a request to a workspace, and to the scope that it comes to; selectors are applied by `select/images.py`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.build_graph import BakeTarget
from edgebake.load.workspace import Workspace, find_root, open_workspace
from edgebake.model.request import Request
from edgebake.model.requirement import parse_requirement
from edgebake.plan.scope import Scope, ScopedTarget
from edgebake.select.grammar import parse_selector


def open_request(start: Path, request: Request) -> Workspace:
    """Return the workspace that a request is about.

    Image names mean the project's images; anything else is a list of recipes, which become one ad-hoc image.

    Raises:
        EdgebakeError: there is no project, an unknown name, or recipes without a target.
    """
    root = find_root(start)
    workspace = open_workspace(root or start, need_project=not request.names)
    images = workspace.project.images
    known = [name for name in request.names if name in images]
    if len(known) == len(request.names) and request.name is None:
        return workspace
    if known:
        message = f"{known[0]!r} is an image of the project; images and recipes cannot be mixed"
        raise EdgebakeError(message, hints=("name images only, or recipes only",))
    for name in request.names:
        _refuse_unknown(workspace, name)
    if not request.targets:
        message = f"{', '.join(request.names) or request.name}: recipes need a target to be resolved for"
        raise EdgebakeError(message, hints=("add --target, for example --target cpu",))
    name = request.name or "-".join(parse_requirement(text).name for text in request.names[:3])
    return workspace.with_image(name, request.names, request.targets)


def _refuse_unknown(workspace: Workspace, text: str) -> None:
    try:
        name = parse_requirement(text).name
    except ValueError as error:
        raise EdgebakeError(str(error), hints=_as_selector(text)) from None
    catalogue = workspace.catalogue
    if catalogue.canonical(name) is None and not catalogue.providers(name):
        known = [*workspace.project.images, *catalogue.recipe_names()]
        hints = _as_selector(text) or did_you_mean(name, known, kind="name")
        raise EdgebakeError(f"unknown image or recipe {name!r}", hints=hints)


def _as_selector(text: str) -> tuple[str, ...]:
    """Return the hint for a word that was meant as a selector; none if it cannot be one."""
    try:
        parse_selector([text])
    except EdgebakeError:
        return ()
    plain = not any(mark in text for mark in "+@:*?,")
    return () if plain else (f"selectors are given by an option: --select {shlex.quote(text)}",)


def scope_of(bake_targets: Sequence[BakeTarget], workspace: Workspace, request: Request) -> Scope:
    """Return the scope of a request without its selectors: the images, on the targets and platforms it names.

    Args:
        bake_targets: all that there are; those of tests are left out.
        workspace: the project.
        request: what the user asked for.

    Raises:
        EdgebakeError: no selected image is for one of the request's targets or platforms.
    """
    images = request.names if workspace.document else ()
    chosen = [t for t in bake_targets if not t.is_test and (not images or t.image in images)]
    names = sorted({t.target for t in chosen})
    for pattern in request.targets:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise _not_selected(pattern, names, "target")
    if request.targets:
        chosen = [t for t in chosen if any(fnmatchcase(t.target, pattern) for pattern in request.targets)]
    known = sorted({platform for target in chosen for platform in target.platforms})
    for platform in request.platforms:
        if platform not in known:
            raise _not_selected(platform, known, "platform")
    why = "named in the request" if request.names or request.targets or request.platforms else "all are built"
    scoped = (ScopedTarget(t, _platforms(t, request), why) for t in chosen)
    return Scope(request, tuple(target for target in scoped if target.platforms))


def _platforms(bake_target: BakeTarget, request: Request) -> tuple[str, ...]:
    return tuple(p for p in bake_target.platforms if not request.platforms or p in request.platforms)


def _not_selected(word: str, known: Sequence[str], kind: str) -> EdgebakeError:
    message = f"no selected image is for the {kind} {word!r}"
    return EdgebakeError(message, hints=did_you_mean(word, known, kind=kind))
