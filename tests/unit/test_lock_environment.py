"""The locked packages of an image, checked by what is in their wheels."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from edgebake.graph.compile import plan_images
from edgebake.graph.python_env import resolution_inputs
from edgebake.lock.environment import Checked, Environment, EnvironmentCheck, metadata_problems, wheel_for
from edgebake.lock.wheel_files import WheelReader
from edgebake.model.lock import LockedDependency, LockedFile, LockedPackage, LockedPython
from edgebake.registry.connections import Connections
from integration.projects import AMD64, ARM64, CPU, Project, make_project, needs


def wheel(
    root: Path, name: str, files: dict[str, str], *requires: str, needs: tuple[str, ...] = ()
) -> LockedPackage:
    """Write a wheel of the project's own, and return the package as the lock has it."""
    module = name.replace("-", "_")
    path = f"wheels/{module}-1.0-py3-none-any.whl"
    (root / "wheels").mkdir(exist_ok=True)
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(root / path, "w") as archive:
        archive.writestr(f"{module}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n{lines}")
        for file, text in files.items():
            archive.writestr(file, text)
    digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
    file = LockedFile(path=path, hashes={"sha256": digest})
    names = tuple(LockedDependency(name=one) for one in needs)
    return LockedPackage(name=name, version="1.0", dependencies=names, wheels=(file,))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    project.recipe(**needs("speech", "python", install={"pip": ["whisperlike==1.0"]}))
    project.recipe(**needs("runtime", "python", install={"pip": ["runtime-gpu"]}))
    return project.images(one=["speech", "runtime"], two=["speech", "runtime"])


def checked(project: Project, *packages: LockedPackage, platforms: tuple[str, ...] = (AMD64, ARM64)) -> Checked:
    environments = [
        Environment(
            plan, platform, LockedPython(inputs=resolution_inputs(plan.views_on(platform)), packages=packages)
        )
        for plan in plan_images(project.open())
        for platform in platforms
    ]
    return EnvironmentCheck(WheelReader(Connections({}, None, 1), None), project.root).check(environments)


def test_two_packages_with_one_module_are_one_error_that_names_who_asked(project: Project) -> None:
    """The case two-distributions-one-module."""
    found = checked(
        project,
        wheel(project.root, "whisperlike", {"whisperlike.py": ""}, "runtime", needs=("runtime",)),
        wheel(project.root, "runtime", {"runtime/__init__.py": "x = 1", "runtime/a.so": "1"}),
        wheel(project.root, "runtime-gpu", {"runtime/__init__.py": "x = 2", "runtime/a.so": "2"}),
    )
    (error,) = found.errors
    assert str(error) == (
        "recipes/speech/recipe.json:1:96: runtime and runtime-gpu both install the module 'runtime'\n"
        "  speech asks for whisperlike==1.0 (recipes/speech/recipe.json:1:96), which needs runtime\n"
        "  runtime asks for runtime-gpu (recipes/runtime/recipe.json:1:98)\n"
        "  such as runtime/__init__.py\n"
        "  in one on cpu (linux/amd64), one on cpu (linux/arm64), two on cpu (linux/amd64), two on cpu (linux/arm64)\n"
        "\n"
        "hint: keep one of them in the image\n"
        "hint: a package that works with the other can be unpacked by a build stage (as in the recipe faster-whisper)"
    )
    assert found.unread == []


def test_a_namespace_of_two_packages_is_none(project: Project) -> None:
    mark = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)"
    found = checked(
        project,
        wheel(project.root, "whisperlike", {"space/__init__.py": "", "space/a.py": ""}),
        wheel(project.root, "runtime-gpu", {"space/__init__.py": mark, "space/b.py": ""}),
    )
    assert found == Checked()


def test_metadata_that_does_not_fit(project: Project) -> None:
    found = checked(
        project,
        wheel(project.root, "whisperlike", {}, "runtime-gpu>=2", "absent; platform_machine == 'aarch64'"),
        wheel(project.root, "runtime-gpu", {}),
    )
    one, other = map(str, found.errors)
    assert "whisperlike 1.0 needs runtime-gpu>=2, and version 1.0 is there" in one
    assert "absent" not in one
    assert "whisperlike 1.0 needs absent, and it is not there" in other
    assert "linux/amd64" not in other


def test_extras_that_a_recipe_asks_for() -> None:
    text = "Name: jaxlike\nVersion: 1\nRequires-Dist: plugin; extra == 'cuda12'\n"
    asked = {"jaxlike": {"CUDA12"}}
    assert metadata_problems([text], python="3.11", machine="x86_64", extras={}) == []
    assert metadata_problems([text], python="3.11", machine="x86_64", extras=asked) == [
        "jaxlike 1 needs plugin, and it is not there"
    ]


def test_a_wheel_that_cannot_be_read_is_reported(project: Project) -> None:
    package = wheel(project.root, "runtime-gpu", {})
    (project.root / "wheels/runtime_gpu-1.0-py3-none-any.whl").unlink()
    found = checked(project, package, platforms=(AMD64,))
    reason = "runtime_gpu-1.0-py3-none-any.whl cannot be checked: No such file or directory"
    assert found.errors == []
    assert found.unread == [f"one on cpu (linux/amd64): {reason}", f"two on cpu (linux/amd64): {reason}"]


def test_the_wheel_that_pip_installs() -> None:
    from edgebake.model.target import Target

    names = (
        "x-1-py3-none-any.whl",
        "x-1-cp311-cp311-manylinux_2_28_aarch64.whl",
        "x-1-cp37-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_17_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_99_x86_64.whl",
        "x-1-cp312-cp312-manylinux_2_17_x86_64.whl",
    )
    files = tuple(LockedFile(url=f"https://e.org/{name}", hashes={"sha256": "5" * 64}) for name in names)
    target = Target.model_validate(CPU)

    def chosen(*numbers: int, platform: str = AMD64) -> str:
        package = LockedPackage(name="x", version="1", wheels=tuple(files[number] for number in numbers))
        return wheel_for(package, target, platform).filename

    assert chosen(0, 1, 2, 3, 4, 5) == names[3]
    assert chosen(0, 1, 2, 4, 5) == names[2]
    assert chosen(5, 4, 1, 0) == names[0]
    assert chosen(*range(6), platform=ARM64) == names[1]
