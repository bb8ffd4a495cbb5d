"""`edgebake schema`."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer


class Kind(str, Enum):
    """The kinds of files that have a schema."""

    recipe = "recipe"
    target = "target"
    board = "board"
    compatibility = "compatibility"
    project = "project"
    lock = "lock"


def schema(kind: Annotated[Kind, typer.Argument(help="Kind of file.")]) -> None:
    """Print the JSON Schema of a kind of file, for editors.

    Example: edgebake schema recipe > recipe.schema.json
    """
    import json

    from edgebake.model.schema import file_schema

    typer.echo(json.dumps(file_schema(kind.value), indent=2, ensure_ascii=False))
