"""An image that asks for another Python: its stages, its wheels, its pip, and what stays the distribution's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError
from edgebake.graph.python_env import resolution_inputs
from edgebake.lock.uv import Uv
from edgebake.model.target import Target
from integration.projects import AMD64, ARM64, CPU, Project, make_project, needs, nodes_by_name, recipe, stage_text

PYTHON = recipe(
    "python",
    layer="language",
    install={"script": "install.sh", "env": {"PYTHON_VERSION": "{{ python }}"}},
    releases=[
        {
            "version": version,
            "variants": [
                {"when": {"python_origin": "distribution"}, "apt": ["python3"]},
                {"when": {"python_origin": "recipe"}, "requires": ["python-standalone"]},
            ],
        }
        for version in ("3.13", "3.12", "3.11", "3.10")
    ],
)


def runtime(name: str, **fields: Any) -> dict[str, Any]:
    """Return a recipe of other Pythons, which unpacks them for each platform."""
    build = {
        "runs_on": "build-platform",
        "sources": [{"url": "https://example.org/{{ version }}-{{ SYSTEM_ARCH }}.tar.gz", "sha256": "0" * 64}],
        "script": "build.sh",
    }
    releases = [
        {"version": f"{series}.1", "when": {"python": series, "python_origin": "recipe"}}
        for series in ("3.13", "3.12")
    ]
    return recipe(
        name,
        layer="toolkit",
        build=build,
        releases=releases,
        install={"artifacts": {"/opt/python": "/opt/python"}},
        **fields,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path).recipe(**PYTHON).recipe(**runtime("python-standalone"))
    made.recipe(**runtime("python-mine", provides=["python-standalone"]))
    made.recipe(**needs("yaml", "python", install={"pip": ["pyyaml==6.0.3"]}))
    return made.write(
        {
            "recipes/python/install.sh": "echo $PYTHON_VERSION\n",
            "recipes/python-standalone/build.sh": "tar -xzf *.tar.gz\n",
            "recipes/python-mine/build.sh": "make\n",
        }
    )


def both(*, target: str = "cpu") -> dict[str, Any]:
    return {
        "own": {"recipes": ["python:3.13", "numpy"], "targets": [target]},
        "usual": {"recipes": ["numpy"], "targets": [target]},
    }


class TestStages:
    def test_the_image_has_its_own_line_and_the_others_keep_theirs(self, project: Project) -> None:
        plain = project.images(usual=["numpy"]).compile()
        with_own = project.images(**both()).compile()
        before = {node.id for node in plain.graph.of_target("cpu")}
        assert before <= {node.id for node in with_own.graph.of_target("cpu")}
        assert len([n for n in with_own.graph.of_target("cpu") if n.kind == "base"]) == 1

    def test_what_runs_on_the_build_platform_has_the_distributions(self, project: Project) -> None:
        project.images(own=["python:3.13", "numpy"])
        text = project.dockerfile()
        assert 'ENV PYTHON_VERSION="3.11"' in stage_text(text, "eb-native-python")
        assert 'ENV PYTHON_VERSION="3.13"' in stage_text(text, "eb-python")
        assert "python3" not in stage_text(text, "eb-python").split("RUN --mount=type=cache")[-1]

    def test_an_unlocked_image_installs_with_that_pythons_own_pip(self, project: Project) -> None:
        project.images(**both())
        compilation = project.compile()
        text = project.dockerfile()
        mine = "from=eb-python-standalone-artifact,source=/pip/pip,"
        distributions = "from=eb-pip-files,source=/usr/lib/python3/dist-packages/pip,"
        for image, pip in (("own", mine), ("usual", distributions)):
            plan = next(plan for plan in compilation.plans if plan.name == image)
            assert plan.target.python == ("3.13" if image == "own" else "3.11")
            (install,) = [t for t in text.split("\nFROM ") if "-version-check install" in t and pip in t]
            assert " numpy" in install
            assert f"PYTHON_VERSION={plan.target.python}" in stage_text(text, f"eb-{image}-check")
        installs = [t for t in text.split("\nFROM ") if "-version-check install" in t]
        assert sorted(mine in t for t in installs) == [False, True]

    def test_a_recipe_that_stands_in_for_it_brings_the_pip(self, project: Project) -> None:
        project.images(own=["python:3.13", "python-mine", "numpy"])
        text = project.dockerfile()
        assert "from=eb-python-mine-artifact,source=/pip/pip," in stage_text(text, "eb-numpy")
        assert "python-standalone" not in text

    def test_a_stand_in_without_a_build_half_is_refused(self, project: Project) -> None:
        project.recipe(**recipe("prebuilt", provides=["python-standalone"], install={"apt": ["python3.13"]}))
        project.images(own=["python:3.13", "prebuilt", "numpy"])
        with pytest.raises(EdgebakeError, match="'prebuilt' provides python-standalone, and has no build half"):
            project.compile()

    def test_tools_on_the_target_platform_have_the_images_python(self, project: Project) -> None:
        build = {"runs_on": "target-platform", "tools": ["python"], "script": "build.sh"}
        project.recipe(**needs("wheel", "python", build=build, install={"artifacts": {"/": "/opt"}}))
        project.write({"recipes/wheel/build.sh": "python3 setup.py\n"})
        project.images(own=["python:3.13", "python-mine", "wheel"], usual=["wheel"])
        compilation = project.compile()
        builds = [
            node for node in compilation.graph.of_target("cpu") if node.label == "wheel" and node.kind == "build"
        ]
        lines = set()
        for node in builds:
            parent = compilation.graph.node("cpu", node.bodies[AMD64].parent)
            lines.add((parent.pins[AMD64].release.version, "python-mine" in _line(compilation, parent)))
        assert lines == {("3.13", True), ("3.11", False)}


def _line(compilation: Any, node: Any) -> set[str]:
    found = set()
    while node.bodies[AMD64].parent:
        found.add(node.label)
        node = compilation.graph.node("cpu", node.bodies[AMD64].parent)
    return found


class TestWheels:
    def test_they_are_fetched_for_that_python_and_get_its_bytecode(self, project: Project) -> None:
        project.images(own=["python:3.13", "numpy"])
        project.lock({"numpy": {"numpy==2.3.1": []}})
        text = project.dockerfile()
        assert "PIP_PYTHON_VERSION=3.13 PYTHON_VERSION=3.13 GLIBC=2.36" in stage_text(text, "eb-numpy-fetch")
        made = stage_text(text, "eb-numpy-bytecode-fetch")
        assert "COPY --link --from=eb-numpy-fetch /out /out" in made
        assert "/out/opt/venv/lib/python3.13/site-packages" in made
        assert "COPY --link --from=eb-numpy-bytecode-fetch /out /" in stage_text(text, "eb-numpy-wheels")
        nodes = nodes_by_name(project.compile(), "cpu")
        assert nodes["eb-numpy-fetch"].native
        assert not nodes["eb-numpy-bytecode-fetch"].native

    def test_the_distributions_stage_is_what_it_was(self, project: Project) -> None:
        project.images(usual=["numpy"])
        project.lock({"numpy": {"numpy==2.3.1": []}})
        text = project.dockerfile()
        assert "PIP_PYTHON_VERSION" not in text
        assert "bytecode" not in text

    def test_the_lock_is_for_that_python(self, project: Project) -> None:
        compilation = project.images(**both()).compile()
        own, usual = (plan.views_on(ARM64) for plan in compilation.plans)
        assert resolution_inputs(own) != resolution_inputs(usual)
        command = Uv().command(own[0].target, ARM64)
        assert command[command.index("--python-version") + 1] == "3.13"


class TestTargets:
    def test_the_target_itself_stays_as_it_is_declared(self) -> None:
        target = Target.model_validate(CPU)
        own = target.with_python("3.13")
        assert (own.python, own.python_origin, own.declared) == ("3.13", "recipe", target)
        assert (target.python, target.python_origin, target.declared) == ("3.11", "distribution", target)
        assert own.with_python("3.11") is target
        assert own.with_python("3.12").declared is target

    def test_tags_see_the_images_python(self, project: Project) -> None:
        project.images(
            own={
                "recipes": ["python:3.13"],
                "targets": ["cpu"],
                "tags": ["py{{ python.nodot }}-{{ target.tag_suffix }}"],
            }
        )
        (baked, *_) = project.compile().graph.bake_targets
        assert baked.tags == ("py313-cpu",)

    def test_one_that_a_target_has_is_the_distributions_there(self, project: Project) -> None:
        project.images(own={"recipes": ["python:3.10"], "targets": ["board-1.0"]})
        (plan,) = project.compile().plans
        assert plan.other_python is None
        assert plan.line == ("python",)
