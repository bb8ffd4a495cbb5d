"""The models of all outputs, by command, for the JSON Schemas."""

from __future__ import annotations

from pydantic import BaseModel

from edgebake.model.output.build import Bake, Bench, Compile, Test
from edgebake.model.output.diff import Diff
from edgebake.model.output.explore import Graph, List, Show, Why
from edgebake.model.output.lint import Compat, Lint
from edgebake.model.output.machine import Autotag, BuilderCheck, Detect, Doctor
from edgebake.model.output.plan import Plan, Shards
from edgebake.model.output.progress import BakeProgress
from edgebake.model.output.publishing import Prune, Publish, Verify

OUTPUTS: dict[str, type[BaseModel]] = {
    "autotag": Autotag,
    "bake": Bake,
    "bake-progress": BakeProgress,
    "bench": Bench,
    "builder-check": BuilderCheck,
    "compat": Compat,
    "compile": Compile,
    "detect": Detect,
    "diff": Diff,
    "doctor": Doctor,
    "graph": Graph,
    "lint": Lint,
    "list": List,
    "plan": Plan,
    "plan-shards": Shards,
    "prune": Prune,
    "publish": Publish,
    "show": Show,
    "test": Test,
    "verify": Verify,
    "why": Why,
}
"""Models by the command's words, joined by "-"; `bake-progress` is a line of `bake --progress json`."""
