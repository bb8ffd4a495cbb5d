"""`edgebake schema`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from edgebake.cli.console import print_text


class Kind(str, Enum):
    """The kinds of files that have a schema, and the commands whose `--json` has one."""

    recipe = "recipe"
    target = "target"
    board = "board"
    compatibility = "compatibility"
    project = "project"
    lock = "lock"
    autotag = "autotag"
    bake = "bake"
    bake_progress = "bake-progress"
    bench = "bench"
    builder_check = "builder-check"
    compat = "compat"
    compile = "compile"
    detect = "detect"
    diff = "diff"
    doctor = "doctor"
    graph = "graph"
    lint = "lint"
    list = "list"
    plan = "plan"
    plan_shards = "plan-shards"
    prune = "prune"
    publish = "publish"
    show = "show"
    test = "test"
    verify = "verify"
    why = "why"


KindArgument = Annotated[
    Kind,
    typer.Argument(metavar="KIND", help="A file (recipe, target, project, …), or a command with --json."),
]


def schema(kind: KindArgument) -> None:
    """Print the JSON Schema of a kind of file, or of the --json output of a command.

    Files: recipe, target, board, compatibility, project, lock. Commands: all with --json (builder check is written
    builder-check), plan-shards for `plan --shards`, bake-progress for a line of `bake --progress json`.

    Example: edgebake schema recipe > recipe.schema.json

    Example: edgebake schema plan
    """
    import json

    from edgebake.model.schema import schema_of

    print_text(json.dumps(schema_of(kind.value), indent=2, ensure_ascii=False))
