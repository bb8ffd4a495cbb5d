"""The command line of a bake."""

from __future__ import annotations

import shlex

from edgebake.plan.builder import Plan


def bake_command(plan: Plan) -> str:
    """Return the command that does what a plan shows."""
    request, narrowed = plan.scope.request, plan.scope.narrowed
    names, targets = request.names, request.targets
    if narrowed:  # a part of what was asked for: named by what is left of it
        names = tuple(sorted({target.bake_target.image for target in plan.targets}))
        targets = tuple(sorted({target.bake_target.target for target in plan.targets}))
    words = ["edgebake", "bake", *names]
    words += [word for target in targets for word in ("--target", target)]
    words += [word for platform in request.platforms for word in ("--platform", platform)]
    words += ["--name", request.name] if request.name else []
    if not narrowed:
        words += [word for text in request.select for word in ("--select", text)]
        words += [word for text in request.exclude for word in ("--exclude", text)]
    words += [] if plan.output == "cache" else [f"--{plan.output}"]
    return shlex.join(words)
