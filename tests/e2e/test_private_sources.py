"""Private sources are built with a token or a key, which are in no file, image or log; without them nothing begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_servers import TOKEN, bridge_address, git_over_http, git_over_ssh, ssh_agent
from test_sources import git_repository

from conftest import REGISTRY, Project, crane_tags, docker_run, run

ROOT_FILES = "/root/.bashrc\n/root/.profile"
BAKE = ("docker", "buildx", "bake", "-f", "bake/docker-bake.hcl")
BASE = {"BASE_CPU": f"{REGISTRY}/debian:bookworm-slim"}
PROJECT = """
    {extra}
    images:
      demo: {{recipes: [./app], targets: [cpu], platforms: [linux/amd64]}}
    """
RECIPE = """
    name: app
    summary: Built from private sources
    build:
      runs_on: build-platform
      {extra}
      sources:
        - {sources}
      script: build.sh
    install: {{artifacts: {{"/": /opt/app}}}}
    """


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the project."""
    return tmp_path_factory.mktemp("elsewhere")


def write(project: Project, extra: str, sources: list[str], script: str, *, build: str = "timeout: 600") -> None:
    """Write a project with one recipe."""
    text = RECIPE.format(sources="\n        - ".join(sources), extra=build)
    project.write({"edgebake.yaml": PROJECT.format(extra=extra), "app/recipe.yaml": text, "app/build.sh": script})


def pushed(project: Project) -> str:
    """Return the image that was pushed, under its key or tag."""
    (tag,) = crane_tags(f"{project.registry}/demo")
    return project.image("demo", tag)


def shown(project: Project, *arguments: str, env: dict[str, str]) -> str:
    """Bake; return what was printed and every file that was written, which must not hold the token."""
    done = project.bake(*arguments, env=env)
    files = [path.read_text(errors="replace") for path in project.root.rglob("*") if path.is_file()]
    text = "\n".join([done.out, done.err, *files])
    assert TOKEN not in text
    return text


def test_a_token_for_repositories_with_and_without_git_in_their_names_and_for_files(
    project: Project, elsewhere: Path
) -> None:
    folder = elsewhere / "served"
    folder.mkdir()
    first, second = git_repository(folder, "one", "two")
    (folder / "contoso/_git").mkdir(parents=True)
    run("git", "clone", "-q", "--bare", str(folder / "work"), str(folder / "contoso/_git/planner"))
    (folder / "model.bin").write_text("model")
    with git_over_http(folder, bridge_address()) as server:
        host = server.address.removeprefix("http://")
        extra = (
            f'secrets: {{"GIT_AUTH_TOKEN.{host}": {{env: GIT_TOKEN}}, '
            f"HTTP_AUTH_TOKEN_{host.partition(':')[0]}: {{env: GIT_TOKEN}}}}"
        )
        sources = [
            f'{{git: "{server.address}/lib.git", ref: v1, to: lib}}',
            f'{{git: "{server.address}/contoso/_git/planner", ref: v2, to: planner}}',
            f'{{url: "{server.address}/model.bin"}}',
        ]
        script = 'cat "$SRC/lib/text" "$SRC/planner/text" "$SRC/model.bin" > "$OUT/all"; ls -A "$SRC/planner"\n'
        write(project, extra, sources, script)

        unlocked = project.edgebake("compile", check=False)
        assert unlocked.code == 2
        assert "is not locked" in unlocked.err

        project.edgebake("lock", env={"GIT_TOKEN": TOKEN})
        lock = (project.root / "edgebake.lock").read_text()
        assert first in lock
        assert second in lock

        missing = project.bake(check=False, env={"GIT_TOKEN": ""})
        assert missing.code == 2
        assert f"GIT_AUTH_TOKEN.{host} is missing: the variable GIT_TOKEN is not set" in missing.err
        assert "needed to build demo-cpu" in missing.err

        project.edgebake("compile")
        dockerfile = (project.root / "bake/cpu/Dockerfile").read_text()
        assert f"lib.git#{first}" in dockerfile
        assert "planner.git" not in dockerfile
        shown(project, "--push", env={"GIT_TOKEN": TOKEN})
        assert docker_run(pushed(project), "cat", "/opt/app/all") == "onetwomodel"

        # The committed files stand alone, and --secret takes the value from elsewhere.
        run(*BAKE, cwd=project.root, env={"GIT_TOKEN": TOKEN, **BASE})
        (elsewhere / "token").write_text(TOKEN)
        files = [f"--secret=id={name},src={elsewhere}/token" for name in secret_names(host)]
        shown(project, "--no-cache", *files, env={"GIT_TOKEN": ""})
        wrong = project.bake("--no-cache", "--retries=0", check=False, env={"GIT_TOKEN": "wrong"})
        assert wrong.code == 2
        assert server.refused


def secret_names(host: str) -> tuple[str, str]:
    return f"GIT_AUTH_TOKEN.{host}", f"HTTP_AUTH_TOKEN_{host.partition(':')[0]}"


def test_git_over_ssh_with_an_agent_and_with_a_key(project: Project, elsewhere: Path) -> None:
    (commit,) = git_repository(elsewhere, "private")
    with git_over_ssh(elsewhere) as (address, key):
        write(project, "tag: dev", [f'{{git: "{address}/lib.git", commit: {commit}}}'], 'cp text "$OUT/text"\n')
        no_agent = {"SSH_AUTH_SOCK": ""}
        missing = project.bake(check=False, env=no_agent)
        assert missing.code == 2
        assert "the SSH key default is missing: no SSH agent is running" in missing.err
        with ssh_agent(key) as agent:
            project.bake("--push", env=agent)
            assert docker_run(pushed(project), "cat", "/opt/app/text") == "private"
            run(*BAKE, "--allow=ssh", cwd=project.root, env={**agent, **BASE})
        project.bake("--no-cache", f"--ssh=default={key}", env=no_agent)


def test_secrets_and_keys_that_a_script_reads(project: Project, elsewhere: Path) -> None:
    build = "secrets: [netrc, {id: license, target: /root/license}]\n      ssh: [deploy]\n      timeout: 600"
    home = elsewhere / "home"
    home.mkdir()
    (home / ".netrc").write_text(f"machine a.example.com login me password {TOKEN}")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "deploy"))
    script = (
        f'grep -q "password {TOKEN[:7]}" /run/secrets/netrc\n'
        "[[ $(stat -c %a /run/secrets/netrc) == 400 ]]\n"
        "[[ $(cat /root/license) == paid ]]\n"
        "[[ -S $SSH_AUTH_SOCK ]]\n"
        'echo done > "$OUT/done"\n'
    )
    extra = (
        "secrets: {netrc: {file: ~/.netrc}, license: {env: THE_LICENSE}, unused: {env: UNUSED}}\n"
        "    ssh: {deploy: ~/deploy}"
    )
    write(project, extra, [], script, build=build)
    text = (project.root / "app/recipe.yaml").read_text().replace("  sources:\n    - \n", "")
    (project.root / "app/recipe.yaml").write_text(text)
    docker = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    env = {"HOME": str(home), "THE_LICENSE": "paid", "DOCKER_CONFIG": docker}
    shown(project, "--push", env=env)
    assert docker_run(pushed(project), "find", "/root", "-type", "f", args=("--user=root",)) == ROOT_FILES
    both = project.bake(check=False, env={**env, "HOME": str(elsewhere), "THE_LICENSE": ""})
    assert both.code == 2
    for line in (f"the file {elsewhere}/.netrc does not exist", "THE_LICENSE is not set", f"{elsewhere}/deploy"):
        assert line in both.err
