"""What a build reads from elsewhere: git, downloads, a wheelhouse, a sysroot, an index without a lock."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import CA_BUNDLE, MIRROR, Project, crane_tags, docker_run, run

IMAGE = """
    images:
      demo:
        recipes: [./app]
        targets: [cpu]
        platforms: [linux/amd64]
    """


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL under which a web server on this machine gives its files."""
    folder = tmp_path_factory.mktemp("web")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def git_repository(folder: Path, *texts: str) -> list[str]:
    """Make a bare repository with a commit for each text, tagged v1, v2, …; return the commits."""
    work = folder / "work"
    run("git", "init", "-q", "-b", "main", str(work))
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    commits = []
    for number, text in enumerate(texts, start=1):
        (work / "text").write_text(text)
        run("git", "-C", str(work), "add", "text")
        run("git", "-C", str(work), *identity, "commit", "-q", "-m", text)
        run("git", "-C", str(work), *identity, "tag", "-a", f"v{number}", "-m", text)
        commits.append(run("git", "-C", str(work), "rev-parse", "HEAD").out.strip())
    run("git", "clone", "-q", "--bare", str(work), str(folder / "lib.git"))
    run("git", "-C", str(folder / "lib.git"), "update-server-info")
    return commits


def built(project: Project) -> str:
    """Bake and push; return the image that was made, under its key or tag."""
    project.bake("--push")
    (tag,) = crane_tags(f"{project.registry}/demo")
    return project.image("demo", tag)


def test_git_refs_are_locked_to_commits_and_downloads_are_checked(project: Project, web: tuple[Path, str]) -> None:
    folder, url = web
    first, second = git_repository(folder, "one", "two")
    (folder / "data.txt").write_bytes(b"data")
    digest = hashlib.sha256(b"data").hexdigest()
    recipe = f"""
        name: app
        summary: Built from fetched sources
        build:
          runs_on: build-platform
          sources:
            - {{git: "{url}/lib.git", ref: v1, to: lib}}
            - {{url: "{url}/data.txt", sha256: {digest}}}
          script: build.sh
        install:
          artifacts: {{"/": /opt/app}}
        """
    project.write(
        {
            "edgebake.yaml": IMAGE,
            "app/recipe.yaml": recipe,
            "app/build.sh": 'cat "$SRC/lib/text" "$SRC/data.txt" > "$OUT/all"\n',
        }
    )
    project.edgebake("lock")
    lock = (project.root / "edgebake.lock").read_text()
    assert first in lock
    project.edgebake("compile", "--locked")
    assert f"lib.git#{first}" in (project.root / "bake/cpu/Dockerfile").read_text()
    assert docker_run(built(project), "cat", "/opt/app/all") == "onedata"

    (project.root / "app/recipe.yaml").write_text(recipe.replace("ref: v1", "ref: v2"))
    stale = project.edgebake("compile", "--locked", check=False)
    assert stale.code == 2
    assert "v2" in stale.err
    project.edgebake("lock")
    assert second in (project.root / "edgebake.lock").read_text()

    (folder / "other.txt").write_bytes(b"something else")
    (project.root / "app/recipe.yaml").write_text(recipe.replace("data.txt", "other.txt"))
    refused = project.bake(check=False)
    assert refused.code == 2
    assert "digest mismatch" in refused.err


def wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel of one module that no index has."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


PYTHON_APP = """
    name: app
    summary: Needs a wheel
    requires: python
    install:
      pip: [{requirement}]
    """


def test_a_wheelhouse_serves_what_no_index_has_locked_and_unlocked(project: Project) -> None:
    wheel(project.root / "wheels", "edgebake_test_only", "1.5")
    project.write(
        {
            "edgebake.yaml": "wheelhouse: ./wheels\n" + IMAGE.replace("\n    ", "\n"),
            "app/recipe.yaml": PYTHON_APP.format(requirement="edgebake-test-only>=1"),
        }
    )
    version = ("python3", "-c", "import edgebake_test_only; print(edgebake_test_only.version)")
    assert "not locked yet" in project.edgebake("plan").out
    assert docker_run(built(project), *version) == "1.5"
    assert "COPY --link --from=eb-app-wheels" not in (project.root / "bake/cpu/Dockerfile").read_text()

    project.edgebake("lock")
    project.edgebake("compile", "--locked")
    assert "COPY --link --from=eb-app-wheels" in (project.root / "bake/cpu/Dockerfile").read_text()
    project.bake("--push")
    newest = project.image("demo")
    assert docker_run(newest, *version) == "1.5"


def test_pip_that_is_lent_brings_no_packages_along(project: Project) -> None:
    # Debian's pip comes with setuptools, which an image must get for itself.
    project.write({"edgebake.yaml": IMAGE, "app/recipe.yaml": PYTHON_APP.format(requirement="setuptools>=70")})
    place = docker_run(built(project), "python3", "-c", "import setuptools; print(setuptools.__file__)")
    assert place.startswith("/opt/venv/")


@pytest.mark.skipif(not CA_BUNDLE, reason="EDGEBAKE_CA_BUNDLE is not set")
def test_apt_over_https_trusts_the_ca_bundle(project: Project) -> None:
    # The base image has no certificates at all, as those of companies have not the one that counts.
    project.write(
        {
            "edgebake.yaml": 'ca_bundle: ""\n' + IMAGE.replace("\n    ", "\n"),
            "app/recipe.yaml": """
                name: app
                summary: Packages over TLS
                requires: [sources]
                install: {apt: hello}
                """,
            "recipes/sources/recipe.yaml": """
                name: sources
                summary: Debian's packages by https only
                layer: system
                install: {script: install.sh}
                """,
            "recipes/sources/install.sh": (
                "rm -rf /etc/ssl/certs\n"
                "rm -f /etc/apt/sources.list.d/*\n"
                "echo 'deb https://deb.debian.org/debian bookworm main' >/etc/apt/sources.list\n"
            ),
        }
    )
    image = built(project)
    assert docker_run(image, "hello") == "Hello, world!"
    assert docker_run(image, "sh", "-c", "ls /run/secrets /run/eb* 2>/dev/null | wc -l") == "0"


def test_recipes_whose_packages_do_not_fit_together_fail_at_the_last_stage(project: Project) -> None:
    wheel(project.root / "wheels", "edgebake_test_a", "1.0")
    project.write(
        {
            "edgebake.yaml": "wheelhouse: ./wheels\n" + IMAGE.replace("\n    ", "\n"),
            "app/recipe.yaml": PYTHON_APP.format(requirement="edgebake-test-a") + "  script: break.sh\n",
            "app/break.sh": (
                "cd /opt/venv/lib/python3*/site-packages/edgebake_test_a-1.0.dist-info\n"
                "echo 'Requires-Dist: something-missing' >> METADATA\n"
                "echo \"Requires-Dist: only-for-arm; platform_machine == 'aarch64'\" >> METADATA\n"
            ),
        }
    )
    done = project.bake(check=False)
    assert done.code == 2
    assert "edgebake-test-a 1.0 needs something-missing, and it is not there" in done.err
    assert "only-for-arm" not in done.err


def test_a_build_half_cross_compiles_against_a_sysroot_with_emulation_switched_off(
    project: Project, no_binfmt: None
) -> None:
    project.write(
        {
            "edgebake.yaml": IMAGE.replace("linux/amd64", "linux/arm64"),
            "recipes/zlib/recipe.yaml": """
                name: zlib
                summary: Compression
                layer: system
                install: {apt: [zlib1g]}
                sysroot: {apt: [zlib1g-dev]}
                """,
            "app/recipe.yaml": """
                name: app
                summary: Links zlib
                requires: zlib
                build:
                  runs_on: build-platform
                  tools: [build-essential]
                  libraries: [zlib]
                  sources: [{path: main.c}]
                  script: build.sh
                install:
                  artifacts: {"/": /opt/app}
                """,
            "app/main.c": "#include <stdio.h>\n#include <zlib.h>\nint main(void) { puts(zlibVersion()); }\n",
            "app/build.sh": ('"$CC" $CPPFLAGS main.c $LDFLAGS -lz -o "$OUT/main"\n'),
        }
    )
    project.edgebake("compile")
    out = project.root / "out"
    command = ("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl", "demo-cpu")
    only = ("--set", "demo-cpu.target=eb-app-artifact", "--set", f"demo-cpu.output=type=local,dest={out}")
    env = {"BASE_CPU": MIRROR.split("=")[1] + ":bookworm-slim", "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
    run(*command, *only, cwd=project.root, env=env)
    shutil.rmtree(out)
    # Another sysroot, when the packages of this one are in the cache mount already.
    recipe = project.root / "recipes/zlib/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("[zlib1g-dev]", "[zlib1g-dev, liblzma-dev]"))
    project.edgebake("compile")
    run(*command, *only, cwd=project.root, env=env)
    elf = (out / "main").read_bytes()
    assert int.from_bytes(elf[18:20], "little") == 183
    assert b"libz.so.1" in elf
