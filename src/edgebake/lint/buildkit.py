"""BuildKit's own checks, over all generated Dockerfiles.

Buildx checks files, so the generated ones are written to a folder of their own: the project stays as it is. The
base images are replaced by `scratch`: nothing is fetched, and no check depends on them. BuildKit looks only at the
stages that a target needs, so each Dockerfile gets a last stage that needs them all: one check for each file.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError, Position
from edgebake.execute.batches import AT_ONCE
from edgebake.execute.preflight import check_builder
from edgebake.graph.compile import Compilation
from edgebake.graph.names import base_variable
from edgebake.lint.finding import Finding
from edgebake.lint.rules import BUILDKIT_CHECK
from edgebake.lint.subject import Subject
from edgebake.plan.steps import CheckBuilder
from edgebake.render.dockerfile import render_dockerfile
from edgebake.render.files import generated_files
from edgebake.system.docker import docker
from edgebake.templating.templates import project_templates

TIMEOUT = 600  # seconds, for the checks of one invocation
_EVERYTHING = "eb-lint-everything"
_STAGE = re.compile(r"^FROM .* AS (\S+)$", re.MULTILINE)
_ARCH = re.compile(r"-(?:amd64|arm64)$")


def check_dockerfiles(subject: Subject, builder: str | None = None) -> list[Finding]:
    """Return what BuildKit's checks find, at the lines of the generated Dockerfiles.

    Args:
        subject: what is linted.
        builder: a Buildx builder; the one in use if None.

    Raises:
        EdgebakeError: no Docker or Buildx, one too old for checks, or a Dockerfile that BuildKit cannot read.
    """
    targets = sorted({plan.target.name for plan in subject.plans})
    if not targets:
        return []
    check_builder(CheckBuilder((), ()), builder)
    with tempfile.TemporaryDirectory(prefix="edgebake-lint-") as folder:
        _write(subject.compilation, Path(folder))
        found: list[Finding] = []
        for start in range(0, len(targets), AT_ONCE):
            several = targets[start : start + AT_ONCE]
            for target, result in _checked(subject, Path(folder), several, builder).items():
                found += _findings(subject, target, result)
    return found


def _write(compilation: Compilation, folder: Path) -> None:
    """Write the generated files below a folder, each Dockerfile with a last stage that needs all others."""
    output = compilation.workspace.project.output
    for file in generated_files(compilation, project_templates(compilation.workspace.root)):
        path = folder / output / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    for target in compilation.targets:
        path = folder / output / target / "Dockerfile"
        text = path.read_text(encoding="utf-8")
        copies = "".join(f"COPY --from={stage} / /\n" for stage in _STAGE.findall(text))
        path.write_text(f"{text}FROM scratch AS {_EVERYTHING}\n{copies}", encoding="utf-8")


def _checked(
    subject: Subject, folder: Path, targets: Sequence[str], builder: str | None
) -> Mapping[str, Mapping[str, Any]]:
    """Return Buildx's answer for each target's Dockerfile."""
    project, bake_targets = subject.workspace.project, subject.compilation.graph.bake_targets
    names = {target: next(one.name for one in bake_targets if one.target == target) for target in targets}
    command = ["buildx", "bake", "--file", project.bake_file]
    command += ["--call=check,format=json", *(["--builder", builder] if builder else [])]
    command += [word for name in names.values() for word in ("--set", f"{name}.target={_EVERYTHING}")]
    command += names.values()
    environment = _environment(subject)
    done = docker(*command, timeout=TIMEOUT, needs_engine=False, folder=folder, environment=environment)
    try:
        answers = json.loads(done.stdout)["target"]
        return {target: answers[name]["check"] for target, name in names.items()}
    except (json.JSONDecodeError, KeyError, TypeError):
        raise _no_answer(done.stderr) from None


def _environment(subject: Subject) -> dict[str, str]:
    """Return the environment with the bake file's variables that would make Buildx look outside of the folder."""
    buildx = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0", "BUILDX_BAKE_FILE_RELATIVE_PATHS": "0"}
    empty = {"CA_BUNDLE": "", "WHEELHOUSE": ""}
    bases = [base_variable(name) for name in subject.compilation.targets]
    natives = [f"NATIVE_{base}" for base in bases]
    return {**os.environ, **buildx, **empty, **dict.fromkeys([*bases, *natives], "scratch")}


def _no_answer(stderr: str) -> EdgebakeError:
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    reason = lines[-1].removeprefix("ERROR: ") if lines else "it gave no reason"
    hints = ("Buildx 0.17 or later has checks; update the docker-buildx-plugin",) if "--call" in stderr else ()
    return EdgebakeError("BuildKit's checks cannot be run", reason=reason, hints=hints)


def _findings(subject: Subject, target: str, result: Mapping[str, Any]) -> Iterator[Finding]:
    path = f"{subject.workspace.project.output}/{target}/Dockerfile"
    if result.get("buildError"):
        said = result["buildError"]
        message = "BuildKit cannot read the Dockerfile"
        raise EdgebakeError(message, at=Position(path, _line(said), 1), reason=said["message"])
    text = render_dockerfile(subject.compilation, target, project_templates(subject.workspace.root))
    for warning in result.get("warnings") or ():
        line = _line(warning)
        if line <= text.count("\n"):
            message = f"{warning['ruleName']}: {warning.get('detail') or warning.get('description', '')}"
            at = Position(path, line, 1 if line else 0)
            yield BUILDKIT_CHECK.found(message, at, **_about(subject, target, text, line))


def _line(said: Mapping[str, Any]) -> int:
    ranges = (said.get("location") or {}).get("ranges") or ()
    return int(ranges[0]["start"]["line"]) if ranges else 0


def _about(subject: Subject, target: str, text: str, line: int) -> dict[str, str]:
    """Return the recipe, or else the image, whose stage a line of a Dockerfile is in, as `Rule.found` takes it."""
    stages = _STAGE.findall("\n".join(text.splitlines()[:line]))
    names = subject.compilation.names[target]
    nodes = {names[node.id]: node for node in subject.compilation.graph.of_target(target)}
    node = (nodes.get(stages[-1]) or nodes.get(_ARCH.sub("", stages[-1]))) if stages else None
    if node is None:
        return {}
    if node.kind in ("image", "test"):
        loaded = subject.stands_for.get(node.label)
        return {"recipe": loaded.name} if loaded else {"image": node.label}
    return {"recipe": node.recipe}
