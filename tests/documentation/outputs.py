"""Checks what a command printed with `--json` against its schema and its model."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from documentation.blocks import ROOT
from edgebake.model.output.commands import OUTPUTS

SCHEMAS = ROOT / "docs" / "schema" / "output"


def check_output(command: str, text: str) -> Any:
    """Return what a command printed; it is one JSON document, as the committed schema has it, without other keys.

    Args:
        command: its words, joined by "-".
        text: its standard output.
    """
    data = json.loads(text)
    schema = json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(data)
    OUTPUTS[command].model_validate_json(text, strict=True)  # which forbids keys that nothing describes
    return data
