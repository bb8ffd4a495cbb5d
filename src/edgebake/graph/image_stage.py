"""The end of an image's line: how a container starts, and the image's tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebake.graph.context import Reads
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.node import Body, Input, Node, reference
from edgebake.graph.stages import USER, StageFactory, same, script_path
from edgebake.graph.view import RecipeView
from edgebake.model.labels import config_labels, target_labels


def image_user(plan: ImagePlan) -> str:
    """Return the user that an image runs as."""
    return str(plan.runtime("user") or USER)


def image_stage(stages: StageFactory, installer: Installer, plan: ImagePlan, parent: Node) -> Node:
    """Return the stage that is shipped: the line's end, with the runtime settings."""
    has_python = any(env.requirements or not env.locked for env in plan.python.values())
    user = image_user(plan)
    entrypoint, cmd = plan.entry()
    text = stages.templates.render(
        "stages/image.Dockerfile.j2",
        pip_stage=reference(installer.fetch_tools(plan.platforms).id) if has_python else "",
        groups=stages.target.groups if plan.needs_gpu and user != "root" else (),
        env=dict(sorted(plan.image.env.items())),
        labels=_labels(plan),
        expose=plan.collected("expose"),
        volumes=plan.collected("volumes"),
        healthcheck=plan.runtime("healthcheck"),
        stop_signal=plan.runtime("stop_signal"),
        workdir=plan.runtime("workdir"),
        user=user,
        entrypoint=entrypoint,
        cmd=cmd,
    )
    body = Body(parent.id, text, (), (("image", text),))
    return stages.add("image", plan.name, plan.name, same(plan.platforms, body))


def _labels(plan: ImagePlan) -> dict[str, str]:
    labels = {
        "org.opencontainers.image.title": plan.name,
        "org.opencontainers.image.base.name": plan.target.base.image,
        **target_labels(plan.target),
        **config_labels(plan.runtime("config")),
    }
    if plan.image.summary:
        labels["org.opencontainers.image.description"] = plan.image.summary
    return dict(sorted({**labels, **plan.image.labels}.items()))


def test_stage(
    stages: StageFactory, plan: ImagePlan, image: Node, known: dict[RecipeView, TestStep]
) -> Node | None:
    """Return the stage that runs the tests of an image's recipes; None if no recipe has one that needs no GPU.

    Args:
        stages: adds the stage.
        plan: the image.
        image: the stage that is tested.
        known: the steps of earlier images, to which this one's are added.
    """
    bodies: dict[str, Body] = {}
    for platform in plan.platforms:
        steps = []
        for view in plan.views_on(platform):
            if view not in known:
                known[view] = _test_step(stages, view)
            steps.append(known[view])
        text = "\n".join(step.text for step in steps if step.text)
        inputs = tuple(dict.fromkeys(one for step in steps for one in step.inputs))
        bodies[platform] = Body(image.id, text, inputs, empty=not text)
    if all(body.empty for body in bodies.values()):
        return None
    return stages.add("test", plan.name, f"{plan.name}: tests", bodies)


@dataclass(frozen=True)
class TestStep:
    """The test of one recipe in a Dockerfile, and what it reads; empty if it has none for a build."""

    text: str = ""
    inputs: tuple[Input, ...] = ()


def _test_step(stages: StageFactory, view: RecipeView) -> TestStep:
    reads = stages.context.reads()
    test = _test(reads, view)
    if test is None:
        return TestStep()
    return TestStep(stages.templates.render("stages/test.Dockerfile.j2", test=test), reads.inputs)


def _test(reads: Reads, view: RecipeView) -> dict[str, object] | None:
    test = view.recipe.test
    if test is None or test.gpu:  # a build has no GPU; such a test runs in the image, on the board
        return None
    name = Path(test.script).name
    return {
        "title": view.pin.title,
        "script": script_path(reads, view, test.script, ("test", "script")),
        "name": name,
        "files": [(script_path(reads, view, file, ("test", "files")), file) for file in test.files],
        "timeout": test.timeout,
        "runner": "python3" if name.endswith(".py") else "bash -euo pipefail",
    }
