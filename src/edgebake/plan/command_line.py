"""The command line of a bake."""

from __future__ import annotations

import shlex

from edgebake.plan.builder import Plan


def bake_command(plan: Plan) -> str:
    """Return the command that does what a plan shows."""
    selection = plan.selection
    names, targets = selection.names, selection.targets
    if selection.parts is not None:  # a part of what was asked for: named by what is left of it
        names = tuple(sorted({target.bake_target.image for target in plan.targets}))
        targets = tuple(sorted({target.bake_target.target for target in plan.targets}))
    words = ["edgebake", "bake", *names]
    words += [word for target in targets for word in ("--target", target)]
    words += [word for platform in selection.platforms for word in ("--platform", platform)]
    words += ["--name", selection.name] if selection.name else []
    if selection.parts is None:
        words += [word for text in selection.select for word in ("--select", text)]
        words += [word for text in selection.exclude for word in ("--exclude", text)]
        words += ["--state-ref", selection.state_ref] if selection.state_ref else []
    words += [] if plan.output == "cache" else [f"--{plan.output}"]
    return shlex.join(words)
