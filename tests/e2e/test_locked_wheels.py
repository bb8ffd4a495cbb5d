"""Wheels of a recipe's own index, as of JetPack's: locked once, and built from the lock whatever the indexes have since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conftest import MIRROR, Project, docker_run, run
from integration.wheel_index import Index, serving

LOGIN = "robot:pa55-word"
PLATFORMS = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@pytest.fixture
def indexes(tmp_path: Path) -> Iterator[tuple[Index, Index]]:
    """The default index, and a framework's own with a login: both where containers reach them."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    host = run("docker", "network", "inspect", "bridge", "--format", form).out.strip()
    default, own = Index(tmp_path / "default"), Index(tmp_path / "own", hashes=False, login=LOGIN)
    with ExitStack() as stack:
        yield stack.enter_context(serving(default, host)), stack.enter_context(serving(own, host))


def files(folder: Path) -> dict[str, str]:
    """Return the digests of all files below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def fetched(project: Project, out: str) -> dict[str, str]:
    """Fetch the framework's wheels again for both platforms, and return the digests of what that gives."""
    stage = "eb-torchlike"
    done = project.root / out
    command = ("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "demo-cpu")
    settings = (f"target={stage}-wheels", f"no-cache-filter={stage}-fetch", f"output=type=local,dest={done}")
    only = (word for setting in settings for word in ("--set", f"demo-cpu.{setting}"))
    env = {"BASE_CPU": MIRROR.split("=")[1] + ":bookworm-slim", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    run(*command, *only, cwd=project.root, env=env)
    return files(done)


def test_an_image_is_built_from_the_lock_whatever_the_indexes_have_since(
    project: Project, indexes: tuple[Index, Index]
) -> None:
    default, own = indexes
    for machine in PLATFORMS.values():
        own.add("torchlike", "2.8.0", "numpy", "tqdm", platform=f"manylinux_2_17_{machine}")
    own.add("tqdm", "4.60.0")  # an old copy, as such indexes have
    default.add("numpy", "2.3.1")
    default.add("tqdm", "4.70.1")
    project.write(
        {
            "edgebake.yaml": """
                images: {demo: {recipes: [./app], targets: [cpu]}}
                secrets: {netrc: {file: logins}}
                """,
            "recipes/numpy/recipe.yaml": """
                name: numpy
                summary: In place of the catalogue's
                layer: framework
                requires: python
                install: {pip: numpy==2.3.1}
                """,
            "recipes/torchlike/recipe.yaml": f"""
                name: torchlike
                summary: A framework with an index of its own
                layer: framework
                requires: [python, numpy]
                install: {{pip_index: "{own.url}", pip: [torchlike==2.8.0]}}
                """,
            "app/recipe.yaml": """
                name: app
                summary: An application
                layer: application
                requires: [python, torchlike]
                install: {pip: [tqdm]}
                test: {script: test.py}
                """,
            "app/test.py": "import numpy, torchlike, tqdm\n"
            "assert (torchlike.__version__, tqdm.__version__) == ('2.8.0', '4.70.1')\n",
        }
    )
    host = str(urlsplit(own.url).hostname)
    (project.root / "logins").write_text("machine {} login {} password {}\n".format(host, *LOGIN.split(":")))
    (project.root / "logins").chmod(0o600)
    cache = {"UV_DEFAULT_INDEX": default.url, "UV_CACHE_DIR": str(project.root / ".uv")}
    project.edgebake("lock", env=cache)
    project.edgebake("compile", "--locked")
    project.bake("--push", "--test")
    program = "import torchlike, tqdm; print(torchlike.__version__, tqdm.__version__)"
    for platform in PLATFORMS:
        assert docker_run(project.image("demo"), "python3", "-c", program, platform=platform) == "2.8.0 4.70.1"
    history = run("docker", "history", "--no-trunc", project.image("demo")).out
    written = [
        path.read_bytes()
        for path in (*project.root.glob("bake/**/*"), project.root / "edgebake.lock")
        if path.is_file()
    ]
    assert LOGIN.split(":")[1] not in history + b"".join(written).decode()
    first = fetched(project, "first")
    assert any(path.startswith("linux_arm64/") and path.endswith("torchlike/__init__.py") for path in first)

    for machine in PLATFORMS.values():
        own.add("torchlike", "2.8.0.post1", platform=f"manylinux_2_17_{machine}")
        own.add("torchlike", "2.8.0", "other", platform=f"manylinux_2_28_{machine}")
    default.add("torchlike", "2.8.0")
    project.edgebake("compile", "--locked", "--check")
    assert fetched(project, "second") == first
