"""The end of an image's line: how a container starts, and the image's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgebake.graph.context import BuildContext, Reads
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.node import Body, Input, Node
from edgebake.graph.stages import USER, StageFactory, same, script_path
from edgebake.graph.view import RecipeView
from edgebake.model.labels import config_labels, target_labels
from edgebake.templating.stages import StageTemplates


def image_user(plan: ImagePlan) -> str:
    """Return the user that an image runs as."""
    return str(plan.runtime("user") or USER)


def image_stage(stages: StageFactory, plan: ImagePlan, parent: Node, pip: Callable[[], tuple[str, str]]) -> Node:
    """Return the stage that is shipped: the line's end, with the runtime settings.

    Args:
        stages: adds the stage.
        plan: the image.
        parent: the end of its line.
        pip: gives the stage and the path in it of the pip that checks the image's Python packages.
    """
    has_python = any(env.requirements or not env.locked for env in plan.python.values())
    user = image_user(plan)
    entrypoint, cmd = plan.entry()
    text = stages.templates.render(
        "stages/image.Dockerfile.j2",
        pip_program=pip() if has_python else None,
        groups=stages.target.groups if plan.needs_gpu and user != "root" else (),
        env=dict(sorted(plan.image.env.items())),
        labels=image_labels(plan),
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


def image_labels(plan: ImagePlan) -> dict[str, str]:
    """Return the labels of an image, sorted."""
    labels = {
        "org.opencontainers.image.title": plan.name,
        "org.opencontainers.image.base.name": plan.target.base.image,
        **target_labels(plan.target),
        **config_labels(plan.runtime("config")),
    }
    if plan.image.summary:
        labels["org.opencontainers.image.description"] = plan.image.summary
    return dict(sorted({**labels, **plan.image.labels}.items()))


def index_annotations(plan: ImagePlan) -> dict[str, str]:
    """Return the annotations of an image's index: its standard labels, which registries show from there.

    The base is left out: each platform has its own.
    """
    labels = image_labels(plan).items()
    return {k: v for k, v in labels if k.startswith(_STANDARD) and not k.startswith(f"{_STANDARD}base.")}


_STANDARD = "org.opencontainers.image."
"""https://github.com/opencontainers/image-spec/blob/main/annotations.md"""


@dataclass(frozen=True)
class TestStep:
    """The test of one recipe in a Dockerfile, and what it reads; empty if it has none for a build."""

    text: str = ""
    inputs: tuple[Input, ...] = ()


class TestSteps:
    """The tests of recipes' releases, each made once: they are the same in all images and on all targets.

    Args:
        templates: renders them.
        context: where in the build context things lie.
    """

    def __init__(self, templates: StageTemplates, context: BuildContext) -> None:
        self._templates = templates
        self._context = context
        self._known: dict[tuple[str, str], TestStep] = {}

    def of(self, view: RecipeView) -> TestStep:
        """Return the test of a recipe's release."""
        key = (view.pin.name, view.pin.title)
        if key not in self._known:
            reads = self._context.reads()
            test = _test(reads, view)
            text = self._templates.render("stages/test.Dockerfile.j2", test=test) if test else ""
            self._known[key] = TestStep(text, reads.inputs)
        return self._known[key]


def test_stage(stages: StageFactory, plan: ImagePlan, image: Node, tests: TestSteps) -> Node | None:
    """Return the stage that runs the tests of an image's recipes; None if no recipe has one that needs no GPU.

    Args:
        stages: adds the stage.
        plan: the image.
        image: the stage that is tested.
        tests: makes the recipes' tests.
    """
    bodies: dict[str, Body] = {}
    for platform in plan.platforms:
        steps = [tests.of(view) for view in plan.views_on(platform)]
        text = "\n".join(step.text for step in steps if step.text)
        inputs = tuple(dict.fromkeys(one for step in steps for one in step.inputs))
        bodies[platform] = Body(image.id, text, inputs, empty=not text)
    if all(body.empty for body in bodies.values()):
        return None
    return stages.add("test", plan.name, f"{plan.name}: tests", bodies)


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
