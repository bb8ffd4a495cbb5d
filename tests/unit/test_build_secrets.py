"""Secrets and SSH keys of builds: in mounts, the bake file, overrides and the workflow; missing ones are reported."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebake.ci.github import render_workflow
from edgebake.cli.options import key_places, secret_places
from edgebake.errors import EdgebakeError
from edgebake.execute.secrets import check_secrets, given_overrides
from edgebake.graph.secrets import Needs
from edgebake.lock.git_login import git_login
from edgebake.model.secret import git_secret, http_secret
from edgebake.plan.settings import Settings
from integration.projects import Project, compiled_recipe, make_project, stage_text

COMMIT = "0123456789abcdef" * 2 + "01234567"
SECRETS = {"netrc": {"file": "~/.netrc"}, "hf-token": {"env": "HF_TOKEN"}, "unused": {"env": "UNUSED"}}


def private(folder: Path, build: dict[str, Any], **fields: Any) -> Project:
    """A project with the image `app` of one recipe, and the image `other` without it."""
    made = make_project(folder)
    made.recipe(**compiled_recipe("app", build=build))
    made.write({"recipes/app/build.sh": "true\n"})
    return made.images(app=["app"], other=["python"]).set(**fields)


def bake_file(project: Project) -> str:
    return project.files()["docker-bake.hcl"]


def test_a_script_s_secrets_and_keys_are_mounted_and_given_to_the_images_that_need_them(tmp_path: Path) -> None:
    build = {"secrets": ["hf-token", {"id": "netrc", "target": "/root/.netrc"}], "ssh": "deploy"}
    project = private(tmp_path, build, secrets=SECRETS, ssh={"deploy": "keys/deploy"})
    text = stage_text(project.dockerfile(), "eb-app-build")
    assert "--mount=type=secret,id=hf-token,mode=0400,required" in text
    assert "--mount=type=secret,id=netrc,target=/root/.netrc,mode=0400,required" in text
    assert "--mount=type=ssh,id=deploy,required" in text
    bake = bake_file(project)
    assert bake.count("type=env,id=hf-token,env=HF_TOKEN") == 1
    assert bake.count("type=file,id=netrc,src=${HOME}/.netrc") == 1
    assert bake.count('["deploy=keys/deploy"]') == 1
    assert 'variable "HOME"' in bake
    assert "UNUSED" not in bake


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ({"secrets": "token"}, "builds with the secret 'token', which the project does not declare"),
        ({"ssh": "deploy"}, "builds with the SSH key 'deploy', which the project does not declare"),
    ],
)
def test_what_the_project_does_not_declare_is_refused(build: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(EdgebakeError, match=message) as raised:
        private(tmp_path, build).compile()
    assert "edgebake.yaml" in raised.value.hints[0]


def git(*urls: str) -> dict[str, Any]:
    return {"sources": [{"git": url, "commit": COMMIT, "to": f"s{i}"} for i, url in enumerate(urls)]}


def test_logins_that_buildkit_looks_up_are_given_to_images_with_such_a_source(tmp_path: Path) -> None:
    names = ["GIT_AUTH_TOKEN.git.example.com", "GIT_AUTH_TOKEN.other.example.com", "HTTP_AUTH_TOKEN_a.example.com"]
    build = git("https://git.example.com/a/b.git")
    build["sources"].append({"url": "https://a.example.com:8443/model.bin"})
    project = private(tmp_path, build, secrets={name: {"env": f"V{i}"} for i, name in enumerate(names)})
    needs = project.compile().needs
    assert needs["app-cpu"] == Needs((names[0], names[2]))
    assert needs["other-cpu"] == Needs()


def test_git_over_ssh_needs_the_agent_without_a_word(tmp_path: Path) -> None:
    for url in ("git@git.example.com:a/b.git", "ssh://git@git.example.com:2222/a/b"):
        project = private(tmp_path / url[:3], git(url))
        assert project.compile().needs["app-cpu"] == Needs((), ("default",))
        assert '["default"]' in bake_file(project)
        assert f"ADD --link {url}#{COMMIT} /src/s0" in project.dockerfile()


def test_a_token_for_every_server_must_not_reach_two(tmp_path: Path) -> None:
    build = git("https://github.com/a/b", "https://git.example.com/a/b.git")
    with pytest.raises(EdgebakeError, match=r"GIT_AUTH_TOKEN would be sent to git\.example\.com and github\.com"):
        private(tmp_path, build, secrets={"GIT_AUTH_TOKEN": {"env": "A"}}).compile()
    one = {"GIT_AUTH_TOKEN": {"env": "A"}, "GIT_AUTH_HEADER.github.com": {"env": "B"}}
    assert private(tmp_path / "one", build, secrets=one).compile().needs["app-cpu"].secrets == tuple(sorted(one))


@pytest.mark.parametrize(
    "url",
    [
        "https://dev.azure.com/contoso/robots/_git/planner",
        "https://git.launchpad.net/planner",
        "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/planner",
        "http://127.0.0.1:5318/contoso/robots/_git/planner",
    ],
)
def test_a_repository_without_git_in_its_name_is_fetched_by_git(url: str, tmp_path: Path) -> None:
    host = url.split("/")[2]
    project = private(tmp_path, git(url), secrets={f"GIT_AUTH_TOKEN.{host}": {"env": "A"}})
    dockerfile = project.dockerfile()
    assert f"{url}.git" not in dockerfile
    text = stage_text(dockerfile, "eb-app-source")
    assert f"bash /run/eb/fetch-git.sh {url} {COMMIT}" in text
    assert f"id=GIT_AUTH_TOKEN.{host},target=/run/secrets/git-token,mode=0400,required" in text
    assert "COPY --link --from=eb-app-source /out /src/s0" in stage_text(dockerfile, "eb-app-build")
    assert project.compile().needs["app-cpu"].secrets == (f"GIT_AUTH_TOKEN.{host}",)


def test_it_is_fetched_by_commit_only(tmp_path: Path) -> None:
    build = {"sources": [{"git": "https://git.launchpad.net/planner", "ref": "v1"}]}
    with pytest.raises(EdgebakeError, match=r"https://git\.launchpad\.net/planner at 'v1' is not locked"):
        private(tmp_path, build).compile()


@pytest.mark.parametrize("host", ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"])
def test_servers_that_take_both_names_are_left_to_buildkit(host: str, tmp_path: Path) -> None:
    assert (
        f"ADD --link https://{host}/a/b.git#{COMMIT}" in private(tmp_path, git(f"https://{host}/a/b")).dockerfile()
    )


def test_names_are_chosen_as_buildkit_does() -> None:
    every = ["GIT_AUTH_TOKEN", "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN.h:1", "GIT_AUTH_HEADER.h:1"]
    for expected in reversed(every):
        assert git_secret("https://me@h:1/a.git", every) == expected
        every.remove(expected)
    assert git_secret("https://h/a.git", ["GIT_AUTH_TOKEN.h:1"]) is None
    assert http_secret("https://h:1/a", ["HTTP_AUTH_TOKEN_h"]) == "HTTP_AUTH_TOKEN_h"


# ── what is missing


def checked(project: Project, **settings: Any) -> str:
    """Return the message about what is missing; "" if all is there."""
    try:
        check_secrets(project.plan(), Settings(**settings))
    except EdgebakeError as error:
        return str(error)
    return ""


def test_what_is_missing_is_reported_at_once_and_only_for_what_is_built(tmp_path: Path) -> None:
    build = {"secrets": ["hf-token", "netrc"], "ssh": ["default", "deploy"]}
    project = private(tmp_path / "p", build, secrets=SECRETS, ssh={"deploy": "keys/deploy"})
    home = tmp_path / "home"
    message = checked(project, environment={"HOME": str(home)})
    for line in (
        "the secret hf-token is missing: the variable HF_TOKEN is not set",
        f"the secret netrc is missing: the file {home}/.netrc does not exist",
        "the SSH key default is missing: no SSH agent is running",
        f"the SSH key deploy is missing: the file {project.root}/keys/deploy does not exist",
        "it is needed to build app-cpu",
    ):
        assert line in message
    assert "UNUSED" not in message
    project.images(app=["python"])
    assert checked(project, environment={}) == ""


def test_all_that_is_there_and_what_the_command_line_says(tmp_path: Path) -> None:
    build = {"secrets": ["hf-token", "netrc"], "ssh": "default"}
    project = private(tmp_path / "p", build, secrets=SECRETS)
    (tmp_path / ".netrc").touch()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        environment = {"HOME": str(tmp_path), "HF_TOKEN": "x", "SSH_AUTH_SOCK": str(tmp_path / "agent")}
        assert checked(project, environment=environment) == ""
    given = {"secrets": {"hf-token": f"src={tmp_path}/.netrc"}, "ssh": {"default": str(tmp_path / ".netrc")}}
    settings = Settings(environment={"HOME": str(tmp_path)}, **given)
    assert checked(project, environment={"HOME": str(tmp_path)}, **given) == ""
    compilation = project.compile()
    needs = compilation.needs["app-cpu"]
    assert given_overrides(compilation, settings, "app-cpu", needs) == {
        "app-cpu.secrets": [
            f"type=file,id=hf-token,src={tmp_path}/.netrc",
            f"type=file,id=netrc,src={tmp_path}/.netrc",
        ],
        "app-cpu.ssh": [f"default={tmp_path}/.netrc"],
    }
    assert given_overrides(compilation, replace(settings, secrets={}, ssh={}), "app-cpu", needs) == {}
    assert "the project has no secret 'hf_token'" in checked(project, secrets={"hf_token": "env=A"}, environment={})


def test_the_options_are_written_as_buildx_writes_them(tmp_path: Path) -> None:
    values = ["id=a,env=A", "type=file,id=b,source=/x", "id=c,src=/y"]
    assert secret_places(values) == {"a": "env=A", "b": "src=/x", "c": "src=/y"}
    assert key_places(["default", "deploy=/k"]) == {"default": "", "deploy": "/k"}
    for wrong in ("a", "id=a", "id=a,env=", "id=a,env=A,src=/x", "id=a,value=hunter2"):
        with pytest.raises(EdgebakeError, match="--secret does not name a secret") as raised:
            secret_places([wrong])
        assert "hunter2" not in str(raised.value)


# ── the workflow, and locking


def test_the_workflow_gives_builds_what_they_need_and_no_other_job(tmp_path: Path) -> None:
    build = {"secrets": ["hf-token", "netrc"], "ssh": "deploy", **git("git@git.example.com:a/b.git")}
    project = private(
        tmp_path,
        build,
        secrets=SECRETS,
        ssh={"deploy": "~/.ssh/deploy"},
        ci={"lfs": "true", "install": "./edgebake.whl"},
    )
    text = render_workflow(project.open(), ".", ".github/workflows/edgebake.yml")
    plan, _, rest = text.partition("\n  check:")
    assert "HF_TOKEN" not in plan
    assert rest.count("HF_TOKEN: ${{ secrets.HF_TOKEN }}") == 2
    assert rest.count('install -D -m 600 /dev/stdin "$HOME/.netrc" <<< "$NETRC"') == 2
    assert rest.count('"$HOME/.ssh/deploy" <<< "$SSH_DEPLOY"') == 2
    assert rest.count("KEY: ${{ secrets.SSH_PRIVATE_KEY }}") == 2
    assert "UNUSED" not in text
    assert text.count("lfs: true") == text.count("actions/checkout@")


def test_locking_logs_in_with_the_secret_that_builds_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"GIT_AUTH_TOKEN.a.lan": {"env": "TOKEN"}, "GIT_AUTH_HEADER.b.lan": {"file": "header"}}
    workspace = private(tmp_path, {}, secrets=secrets).open()
    assert git_login(workspace, "https://a.lan/x") == {}
    monkeypatch.setenv("TOKEN", "abc")
    assert git_login(workspace, "https://a.lan/x")["GIT_CONFIG_VALUE_0"].startswith("Authorization: basic ")
    assert git_login(workspace, "ssh://git@a.lan/x") == {}
    (workspace.root / "header").write_text("Bearer abc\n")
    found = git_login(workspace, "https://b.lan/x")
    assert found["GIT_CONFIG_KEY_0"] == "http.https://b.lan/.extraheader"
    assert found["GIT_CONFIG_VALUE_0"] == "Authorization: Bearer abc"
