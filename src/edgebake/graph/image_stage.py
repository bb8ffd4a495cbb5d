"""The end of an image's line: how a container starts, and the image's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from edgebake.graph.context import BuildContext
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import (
    Bind,
    Cmd,
    Command,
    Entrypoint,
    Env,
    Expose,
    Health,
    Label,
    Op,
    Run,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from edgebake.graph.package_check import CHECKED
from edgebake.graph.stages import USER, StageFactory, same, script_of
from edgebake.graph.steps import RUN_FOLDER, copy
from edgebake.graph.view import RecipeView
from edgebake.model.labels import config_labels, target_labels
from edgebake.model.target import Target


def image_user(plan: ImagePlan) -> str:
    """Return the user that an image runs as."""
    return str(plan.runtime("user") or USER)


def image_stage(stages: StageFactory, plan: ImagePlan, parent: Node, check: Node | None) -> Node:
    """Return the stage that is shipped: the line's end, with the runtime settings.

    Args:
        stages: adds the stage.
        plan: the image.
        parent: the end of its line.
        check: the stage that has to succeed first, which leaves an empty folder.
    """
    user = image_user(plan)
    steps = [
        *([copy(f"{CHECKED}/", "/", check.ref)] if check else []),
        *(_joined_groups(stages.target, user) if plan.needs_gpu and user != "root" else ()),
        *([Env(tuple(sorted(plan.image.env.items())))] if plan.image.env else []),
        Label(tuple(image_labels(plan).items())),
        *_runtime(plan, user),
    ]
    ops = Operations(steps)
    body = Stage(parent.ref, ops, parts=(("image", ops.digest),))
    return stages.add("image", plan.name, plan.name, same(plan.platforms, body))


def _joined_groups(target: Target, user: str) -> Iterator[Op]:
    """Yield what makes the user a member of the groups that own the host's device files."""
    if target.groups:
        make = 'do getent group "$group" || groupadd --system "$group"; done'
        join = ("usermod", "--append", "--groups", ",".join(target.groups), user)
        commands = (f"for group in {' '.join(target.groups)}; {make}", Command(join))
        yield Run(commands, comment="Device files belong to these groups of the host.")


def _runtime(plan: ImagePlan, user: str) -> Iterator[Op]:
    """Yield how a container of the image starts."""
    if ports := plan.collected("expose"):
        yield Expose(tuple(ports))
    if volumes := plan.collected("volumes"):
        if user != "root":
            commands = (Command(("mkdir", "-p", *volumes)), Command(("chown", user, *volumes)))
            yield Run(commands, comment="A new volume takes over the folder's owner.")
        yield Volume(tuple(volumes))
    health = plan.runtime("healthcheck")
    if health:
        yield Health(tuple(health.cmd), health.interval, health.timeout, health.start_period, health.retries)
    if signal := plan.runtime("stop_signal"):
        yield StopSignal(signal)
    if workdir := plan.runtime("workdir"):
        yield Workdir(workdir)
    yield User(user)
    entrypoint, cmd = plan.entry()
    if entrypoint is not None:
        yield Entrypoint(tuple(entrypoint))
    if cmd is not None:
        yield Cmd(tuple(cmd))


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


class TestSteps:
    """The tests of recipes' releases, each made once: they are the same in all images and on all targets.

    Args:
        context: where in the build context things lie.
    """

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._made: dict[tuple[str, str], Run | None] = {}

    def of(self, view: RecipeView) -> Run | None:
        """Return the test of a recipe's release; None if it has none for a build."""
        key = (view.pin.name, view.pin.title)
        if key not in self._made:
            self._made[key] = _test(self._context, view)
        return self._made[key]


def test_stage(stages: StageFactory, plan: ImagePlan, image: Node, tests: TestSteps) -> Node | None:
    """Return the stage that runs the tests of an image's recipes; None if no recipe has one that needs no GPU.

    Args:
        stages: adds the stage.
        plan: the image.
        image: the stage that is tested.
        tests: makes the recipes' tests.
    """
    bodies: dict[str, Stage] = {}
    for platform in plan.platforms:
        runs = (tests.of(view) for view in plan.views_on(platform))
        ops = Operations(run for run in runs if run is not None)
        bodies[platform] = Stage(image.ref, ops, empty=not ops)
    if all(body.empty for body in bodies.values()):
        return None
    return stages.add("test", plan.name, f"{plan.name}: tests", bodies)


def _test(context: BuildContext, view: RecipeView) -> Run | None:
    test = view.recipe.test
    if test is None or test.gpu:  # a build has no GPU; such a test runs in the image, on the board
        return None
    folder, name = f"{RUN_FOLDER}/test", PurePosixPath(test.script).name
    script = Bind(script_of(context, view, test.script, ("test", "script")), f"{folder}/{name}")
    files = (Bind(script_of(context, view, file, ("test", "files")), f"{folder}/{file}") for file in test.files)
    runner = ("python3",) if name.endswith(".py") else ("bash", "-euo", "pipefail")
    return Run(
        commands=(Command((*runner, script.target)),),
        mounts=(script, *files),
        env=(("PYTHONDONTWRITEBYTECODE", "1"),),
        timeout=test.timeout,
        comment=view.pin.title,
    )
