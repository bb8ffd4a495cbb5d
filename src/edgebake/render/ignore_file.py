"""The `.dockerignore` of each generated Dockerfile: the context is the project's folder, and only what stages read
is sent.

Order decides: what stages read is let in, the recipes' and then the project's own rules take out of it, the
generated files always stay in, and what may never be sent is taken out last.
"""

from __future__ import annotations

import os

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.load.catalogue import LoadedRecipe, shown_path
from edgebake.load.document import read_text
from edgebake.load.ignore import BYTECODE, IgnoreRules, Rule, literal_pattern

NEVER_SENT = ("**/.git", "**/.env", "**/.env.*", "**/.netrc", "**/.ssh", "**/.aws", *BYTECODE)
IGNORE_FILE = ".dockerignore"


def context_rules(compilation: Compilation, target: str) -> IgnoreRules:
    """Return the rules of one target's build context.

    Raises:
        EdgebakeError: an ignore file of the project's is wrong.
    """
    workspace = compilation.workspace
    output = workspace.project.output
    nodes = compilation.graph.of_target(target)
    read = {one.name for node in nodes for one in node.inputs if one.kind == "project"}
    rules = [Rule("*"), *map(_let_in, sorted(read))]
    for loaded in _own_recipes(compilation, target):
        folder = loaded.folder.relative_to(workspace.root).as_posix()
        rules += _rules_of(compilation, folder).under(folder).rules
    rules += _rules_of(compilation, ".").rules
    rules += map(_let_in, (f"{output}/context", f"{output}/{target}"))
    return IgnoreRules(tuple(rules)).sealed(IgnoreRules(tuple(map(Rule, NEVER_SENT))))


def _let_in(path: str) -> Rule:
    return Rule(literal_pattern(path), exception=True)


def _own_recipes(compilation: Compilation, target: str) -> list[LoadedRecipe]:
    found = {
        pin.name: pin.loaded
        for node in compilation.graph.of_target(target)
        for pin in node.pins.values()
        if not pin.loaded.vendored
    }
    return [found[name] for name in sorted(found)]


def _rules_of(compilation: Compilation, folder: str) -> IgnoreRules:
    root = compilation.workspace.root
    path = root / folder / IGNORE_FILE
    if not os.path.lexists(path):
        return IgnoreRules()
    shown = shown_path(path, root)
    try:
        text = read_text(path, shown)
    except EdgebakeError as error:
        if "empty" in error.message:
            return IgnoreRules()
        raise
    return IgnoreRules.parse(text, path=shown)
