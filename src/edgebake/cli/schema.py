"""`edgebake schema`."""

from __future__ import annotations

from typing import Literal

from edgebake.cli.command import argument
from edgebake.cli.console import print_text

Kind = Literal[
    "recipe", "target", "board", "compatibility", "project", "lock",
    "autotag", "bake", "bake-progress", "bench", "builder-check", "compat", "compile", "detect", "diff", "doctor",
    "graph", "lint", "list", "plan", "plan-shards", "prune", "publish", "show", "test", "verify", "why",
]  # fmt: skip
"""The kinds of files that have a schema, and the commands whose `--json` has one."""
KIND = argument("A file (recipe, target, project, …), or a command with --json.", metavar="KIND", default=...)


def schema(kind: Kind = KIND) -> None:
    """Print the JSON Schema of a kind of file, or of the --json output of a command.

    Files: recipe, target, board, compatibility, project, lock. Commands: all with --json (builder check is written
    builder-check), plan-shards for `plan --shards`, bake-progress for a line of `bake --progress json`.

    Example: edgebake schema recipe > recipe.schema.json

    Example: edgebake schema plan
    """
    import json

    from edgebake.model.schema import schema_of

    print_text(json.dumps(schema_of(kind), indent=2, ensure_ascii=False))
