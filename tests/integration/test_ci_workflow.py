"""The workflow for GitHub Actions as a file: what actionlint and the schema say, and what must stand in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from actions.expressions import condition, interpolate
from actions.facts import INPUTS
from actions.runner import read_workflow
from edgebake.ci.github import ACTIONS, registry_host, render_workflow, warnings, workflow_tree
from edgebake.errors import EdgebakeError
from integration.projects import ARM64, Project, make_project, recipe

ACTIONLINT = shutil.which("actionlint") or next(
    (str(path) for path in sorted(Path("/var/cache/edgebake").glob("actionlint-*/actionlint"))), None
)
needs_actionlint = pytest.mark.skipif(
    ACTIONLINT is None and "EDGEBAKE_NO_SKIP" not in os.environ,
    reason="actionlint is not there: scripts/engine up --with-tools",
)
ROOT = Path(__file__).parents[2]
GHCR: dict[str, Any] = {"registry": "ghcr.io/acme"}
SETTINGS: dict[str, dict[str, Any]] = {
    "ghcr": GHCR,
    "another registry": {"registry": "registry.example.org:5000/team"},
    "docker hub": {"registry": "acme"},
    "signed": {**GHCR, "ci": {"sign": "true"}},
    "own machines": {**GHCR, "ci": {"runners": {ARM64: ["self-hosted", "jetson"]}}},
    "emulated": {**GHCR, "ci": {"runners": {ARM64: "emulated"}}},
    "one job": {**GHCR, "ci": {"jobs": "1"}},
    "no tests, no login": {**GHCR, "ci": {"test": "false", "login": "false"}},
    "registry cache and stacks": {**GHCR, "cache": "registry", "stacks": "ghcr.io/acme/stacks"},
    "stacks, emulated, gha cache": {**GHCR, "cache": "gha", "stacks": "ghcr.io/acme/stacks",
                                    "ci": {"runners": {ARM64: "emulated"}}},
    "releases": {**GHCR, "tag": "edge", "ci": {"tags": "v*"}},
    "gha cache": {**GHCR, "cache": "gha"},
    "quoted": {**GHCR, "ci": {"install": ["edgebake @ git+https://example.org/it's@" + "0" * 40, './tools-"x"'],
                              "branches": ["main", "release/**"]}},
}  # fmt: skip


INSTALL = "./tools/edgebake-0.1.0-py3-none-any.whl"


def project_with(folder: Path, settings: dict[str, Any]) -> Project:
    project = make_project(folder)
    settings = {**settings, "ci": {"install": INSTALL, **settings.get("ci", {})}}
    project.recipe(**recipe("a"))
    images = {"app": {"recipes": ["a"], "targets": ["cpu"]}}
    return project.write({"edgebake.yaml": json.dumps({**settings, "images": images})})


EXAMPLE = "the example"


@pytest.fixture(params=[*SETTINGS, EXAMPLE])
def text(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The workflow for each of the settings, in a folder of the repository; and the example without edgebake."""
    if request.param == EXAMPLE:
        return (ROOT / "examples/github-actions/bake-action.yml").read_text()
    project = project_with(tmp_path, SETTINGS[request.param])
    folder = "." if request.param == "ghcr" else "robots/one two"
    return render_workflow(project.open(), folder, ".github/workflows/edgebake.yml")


def steps_of(workflow: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, step) for name, job in workflow["jobs"].items() for step in job["steps"]]


@needs_actionlint
def test_actionlint_finds_nothing(text: str, tmp_path: Path) -> None:
    assert ACTIONLINT is not None
    file = tmp_path / "workflow.yml"
    file.write_text(text)
    done = subprocess.run([ACTIONLINT, "-no-color", file], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_schema_of_workflows_is_met(text: str) -> None:
    vendored = files("check_jsonschema.builtin_schemas.vendor") / "github-workflows.json"
    schema = json.loads(vendored.read_text(encoding="utf-8"))
    data = yaml.safe_load(text)
    data["on"] = data.pop(True)  # YAML 1.1 reads `on` as true; GitHub does not
    jsonschema.Draft7Validator(schema).validate(data)


def test_every_action_is_pinned_by_commit_and_given_inputs_that_it_has(text: str) -> None:
    for _, step in steps_of(read_workflow(text)):
        if "uses" in step:
            action, _, commit = step["uses"].partition("@")
            assert commit == ACTIONS[action][0]
            assert set(step.get("with", {})) <= INPUTS[action]
    for line in text.splitlines():
        if "uses:" in line:
            assert re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_no_script_has_anything_interpolated(text: str) -> None:
    for _, step in steps_of(read_workflow(text)):
        assert "${{" not in step.get("run", "")


def test_no_checkout_keeps_its_token(text: str) -> None:
    checkouts = [s for _, s in steps_of(read_workflow(text)) if s.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_only_the_jobs_that_push_may(text: str) -> None:
    workflow = read_workflow(text)
    assert workflow["permissions"] == {} or workflow["permissions"] == "{}"
    writers = {name for name, job in workflow["jobs"].items() if "write" in str(job["permissions"])}
    assert writers <= {"stacks", "build", "publish"}
    for name in writers:
        wanted = ("github.event_name != 'pull_request'", "github.event_name == 'push'")
        assert any(text in workflow["jobs"][name]["if"] for text in wanted)
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


def test_a_publish_is_never_cancelled(text: str) -> None:
    concurrency = read_workflow(text)["concurrency"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def test_a_pull_request_sees_no_secret(text: str) -> None:
    assert "secrets." not in json.dumps(read_workflow(text)["jobs"]["check"])


def test_text_arrives_as_it_was_written(tmp_path: Path) -> None:
    settings = SETTINGS["quoted"]
    workflow = read_workflow(render_workflow(project_with(tmp_path, settings).open(), ".", "x.yml"))
    installs = [s["env"]["EDGEBAKE"] for _, s in steps_of(workflow) if "EDGEBAKE" in s.get("env", {})]
    assert set(installs) == {"\n".join(settings["ci"]["install"])}
    assert workflow["on"]["push"]["branches"] == ["main", "release/**"]


def test_a_git_tag_is_the_images_tag(tmp_path: Path) -> None:
    workflow = read_workflow(render_workflow(project_with(tmp_path, SETTINGS["releases"]).open(), ".", "x.yml"))
    assert workflow["on"]["push"] == {"branches": ["main"], "tags": ["v*"]}
    status = {"success": True, "failure": False, "cancelled": False, "always": True}
    for github, tag in (({"ref_type": "tag", "ref_name": "v1.2"}, "v1.2"), ({"ref_type": "branch"}, "edge")):
        assert interpolate(workflow["env"]["TAG"], {"github": github}, status) == tag


def test_qemu_is_set_up_only_where_a_platform_has_no_runner(tmp_path: Path) -> None:
    for name, expected in (("ghcr", False), ("own machines", False), ("emulated", True), ("one job", True)):
        folder = tmp_path / name
        folder.mkdir()
        made = render_workflow(project_with(folder, SETTINGS[name]).open(), ".", "x.yml")
        assert ("setup-qemu-action" in made) == expected, name


def test_with_stacks_what_jobs_share_is_published_before_them(tmp_path: Path) -> None:
    """Builds begin also if that failed, or there was nothing to do; without `stacks` there is no such job."""
    made = render_workflow(project_with(tmp_path, SETTINGS["registry cache and stacks"]).open(), ".", "x.yml")
    jobs = read_workflow(made)["jobs"]
    assert list(jobs) == ["plan", "check", "stacks", "build", "publish", "result"]
    assert jobs["stacks"]["strategy"]["matrix"] == "${{ fromJSON(needs.plan.outputs.stacks) }}"
    assert jobs["build"]["needs"] == ["plan", "stacks"]
    assert "stacks" in jobs["result"]["needs"]
    plan = {"result": "success", "outputs": {"count": "2", "shared": "1"}}
    for event, stacks, cancelled, expected in (
        ("push", "success", False, True),
        ("push", "failure", False, True),
        ("push", "skipped", False, True),
        ("push", "cancelled", True, False),
        ("pull_request", "skipped", False, False),
    ):
        scope = {"github": {"event_name": event}, "needs": {"plan": plan, "stacks": {"result": stacks}}}
        status = {"success": stacks == "success", "failure": stacks == "failure", "cancelled": cancelled}
        assert condition(jobs["build"]["if"], scope, {**status, "always": True}) == expected, (event, stacks)
    needs: dict[str, Any] = {"plan": {**plan, "outputs": {"count": "2", "shared": "0"}}}
    fine = {"success": True, "failure": False, "cancelled": False, "always": True}
    assert not condition(jobs["stacks"]["if"], {"github": {"event_name": "push"}, "needs": needs}, fine)
    needs["plan"] = plan
    assert condition(jobs["stacks"]["if"], {"github": {"event_name": "push"}, "needs": needs}, fine)
    assert not condition(jobs["stacks"]["if"], {"github": {"event_name": "pull_request"}, "needs": needs}, fine)


def test_the_workflow_is_written_once_and_an_edited_one_is_not_lost(tmp_path: Path) -> None:
    project = project_with(tmp_path, GHCR)
    (project.root / ".git").mkdir()
    tree = workflow_tree(project.open())
    assert [c.path for c in tree.write()] == [".github/workflows/edgebake.yml", "bake/ci/manifest.json"]
    assert tree.write() == []
    assert [c.path for c in project.compiled().tree.write() if c.kind == "removed"] == []
    assert tree.changes() == []
    workflow = project.root / ".github/workflows/edgebake.yml"
    workflow.write_text(workflow.read_text() + "# mine\n")
    with pytest.raises(EdgebakeError, match="would lose what someone else wrote"):
        tree.write()


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    project = project_with(tmp_path, GHCR)
    (tmp_path / ".git").mkdir()
    paths = [change.path for change in workflow_tree(project.open()).write()]
    assert paths == [".github/workflows/edgebake.yml", "project/bake/ci/manifest.json"]
    workflow = read_workflow((tmp_path / paths[0]).read_text())
    assert workflow["defaults"]["run"]["working-directory"] == "project"
    assert workflow["name"] == "edgebake project"
    bake = next(s for _, s in steps_of(workflow) if s.get("uses", "").startswith("docker/bake-action@"))
    assert bake["with"]["source"] == "project"


@pytest.mark.parametrize(
    ("ci", "says"),
    [
        ({"jobs": "257"}, "256"),
        ({"output": "workflow.txt"}, "does not end in .yml"),
        ({"runners": {"linux/amd64": "emulated", ARM64: "emulated"}}, "one platform needs a runner"),
        ({"runners": {ARM64: ["emulated", "x"]}}, "cannot be combined with other labels"),
        ({"password": "GITHUB_X"}, "is not a secret name"),
        ({"install": "-r x"}, "does not say which bytes to install"),
        ({"install": "edgebake"}, "does not say which bytes to install"),
        ({"install": "edgebake==0.1.0"}, "does not say which bytes to install"),
        ({"install": "edgebake @ git+https://example.org/edgebake@v1"}, "does not say which bytes"),
        ({"install": "edgebake @ git+https://example.org/edgebake"}, "does not say which bytes"),
        ({"install": "edgebake @ git+http://example.org/edgebake@" + "1" * 40}, "does not say which bytes"),
        ({"install": "edgebake @ https://example.org/edgebake.whl"}, "does not say which bytes"),
        ({"install": "./a.whl --index-url https://example.org"}, "does not say which bytes"),
        ({"branches": "a b"}, "is not a branch name"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, ci: dict[str, Any], says: str) -> None:
    with pytest.raises(EdgebakeError, match=says):
        project_with(tmp_path, {**GHCR, "ci": ci}).open()


@pytest.mark.parametrize(
    "install",
    [
        "edgebake @ git+https://example.org/edgebake@" + "1" * 40,
        "edgebake[x] @ git+ssh://git@example.org/edgebake@" + "1" * 40,
        "edgebake @ https://example.org/edgebake-0.1.0-py3-none-any.whl#sha256=" + "1" * 64,
        "edgebake==0.1.0 --hash=sha256:" + "1" * 64,
        "./tools/edgebake-0.1.0-py3-none-any.whl",
        "../tools",
    ],
)
def test_sources_that_are_always_the_same_bytes(tmp_path: Path, install: str) -> None:
    project = project_with(tmp_path, {**GHCR, "ci": {"install": install}})
    assert install in render_workflow(project.open(), ".", "x.yml")


def test_there_is_no_source_that_nobody_named(tmp_path: Path) -> None:
    """Whoever registered a name on the index would control every workflow."""
    project = project_with(tmp_path, GHCR).set(ci={})
    with pytest.raises(EdgebakeError, match="nothing to install edgebake from"):
        workflow_tree(project.open())
    assert "edgebake==" not in (ROOT / "templates/ci/github.yml.j2").read_text()


def test_the_workflow_is_not_among_git_s_own_files(tmp_path: Path) -> None:
    project = project_with(tmp_path, GHCR)
    with pytest.raises(EdgebakeError, match="is git's own"):
        workflow_tree(project.open(), ".git/hooks/x.yml")


def test_what_github_cannot_reach_is_told(tmp_path: Path) -> None:
    project = project_with(tmp_path, {})
    (line,) = warnings(project.open())
    assert "GitHub's runners cannot reach the registry localhost:5000" in line


@pytest.mark.parametrize(
    ("repository", "host"),
    [("ghcr.io/acme", "ghcr.io"), ("acme", "docker.io"), ("acme/team", "docker.io"), ("localhost/x", "localhost"),
     ("localhost:5000", "localhost:5000"), ("a.example.org", "a.example.org")],
)  # fmt: skip
def test_a_repositorys_host(repository: str, host: str) -> None:
    assert registry_host(repository) == host
