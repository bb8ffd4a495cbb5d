"""Runs a workflow of GitHub Actions here: reads the file, evaluates it, and runs its steps, job after job.

What it stands in for: GitHub (events, contexts, the matrix, artifacts, files such as GITHUB_OUTPUT), the runners (each
label is a machine with a builder of its own), and the actions. What it does not stand in for: the shell steps, git,
Buildx, the registry, edgebake. Whatever it does not know (a key, an action, an input, a function) is an error.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from actions.expressions import as_text, condition, interpolate
from actions.facts import INPUTS
from edgebake.ci.github import ACTIONS

TIMEOUT = 600  # seconds, for a step
KEYS = {
    "workflow": {"name", "on", "permissions", "concurrency", "defaults", "env", "jobs"},
    "job": {
        *(
            "needs",
            "if",
            "name",
            "env",
            "strategy",
            "runs-on",
            "timeout-minutes",
            "permissions",
            "outputs",
            "steps",
        ),
    },
    "strategy": {"fail-fast", "max-parallel", "matrix"},
    "step": {"name", "id", "if", "uses", "with", "run", "env", "working-directory"},
}


class UnknownWorkflowError(Exception):
    """The workflow has something that this runner does not know."""


@dataclass(frozen=True)
class Machine:
    """A runner: the address of its BuildKit; a `fresh` one has an empty store for each job, as on GitHub."""

    buildkit: str
    fresh: bool = False


@dataclass(frozen=True)
class Event:
    """What happened on GitHub."""

    name: str
    ref: str
    sha: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class JobRun:
    """One job, with one combination of its matrix."""

    job: str
    name: str
    labels: tuple[str, ...]
    temp: Path
    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.log)


@dataclass
class Run:
    """A run of the workflow."""

    jobs: list[JobRun] = field(default_factory=list)

    def of(self, job: str) -> list[JobRun]:
        return [one for one in self.jobs if one.job == job]

    def result(self, job: str) -> str:
        """Return a job's result; of a matrix the worst."""
        results = [one.result for one in self.of(job)]
        return next((r for r in ("failure", "success") if r in results), "skipped")

    @property
    def text(self) -> str:
        return "\n".join(f"── {one.name}: {one.result}\n{one.text}" for one in self.jobs)


def read_workflow(text: str) -> dict[str, Any]:
    """Return a workflow as GitHub reads it: `on` is a word."""
    return yaml.load(text, Loader=yaml.BaseLoader)


class Runner:
    """Runs one workflow.

    Args:
        text: the workflow's file.
        origin: the git repository.
        machines: by runner's label.
        folder: where work is done.
        environment: what the machines' shells see beside the workflow's variables.
        lost: shards whose artifact never arrives, as if their machine had died.
    """

    def __init__(
        self,
        text: str,
        origin: Path,
        machines: Mapping[str, Machine],
        folder: Path,
        environment: Mapping[str, str],
        lost: Iterable[str] = (),
    ) -> None:
        self._workflow = read_workflow(text)
        self._origin = origin
        self._machines = machines
        self._folder = folder
        self._environment = environment
        self._lost = set(lost)
        self._artifacts: dict[str, Path] = {}
        self._run = Run()
        _known("workflow", self._workflow)

    def start(self, event: Event) -> Run:
        """Run all jobs for an event, each after those that it needs."""
        if not triggered(self._workflow["on"], event):
            return self._run
        github = {
            "event_name": event.name,
            "ref": event.ref,
            "sha": event.sha,
            "ref_name": event.ref.removeprefix("refs/heads/").removeprefix("refs/pull/"),
            "base_ref": event.payload.get("pull_request", {}).get("base", {}).get("ref", ""),
            "actor": "somebody",
            "token": "a-token",
            "workflow": self._workflow["name"],
            "event": {"repository": {"default_branch": "main"}, **event.payload},
        }
        todo = dict(self._workflow["jobs"])
        done: dict[str, dict[str, Any]] = {}
        while todo:
            ready = [name for name, job in todo.items() if set(_needs(job)) <= done.keys()]
            if not ready:
                raise UnknownWorkflowError(f"these jobs wait for each other: {sorted(todo)}")
            for name in ready:
                done[name] = self._job(name, todo.pop(name), github, event, done)
        return self._run

    # ── jobs

    def _job(
        self, name: str, job: dict[str, Any], github: dict[str, Any], event: Event, done: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        _known("job", job)
        needs = {need: done[need] for need in _needs(job)}
        results = [need["result"] for need in needs.values()]
        status = _status(all(r == "success" for r in results), any(r == "failure" for r in results))
        scope: dict[str, Any] = {"github": github, "needs": needs, "inputs": dict(event.inputs)}
        if not condition(job.get("if"), scope, status):
            return {"result": "skipped", "outputs": {}}
        fine = _status(True, False)
        strategy = job.get("strategy", {})
        _known("strategy", strategy)
        matrix = interpolate(strategy.get("matrix", {"include": [None]}), scope, fine)
        if set(matrix) != {"include"}:
            raise UnknownWorkflowError(f"a matrix with {sorted(matrix)}")
        if not 1 <= len(matrix["include"]) <= 256:
            raise UnknownWorkflowError(f"a matrix of {len(matrix['include'])} jobs")
        runs = []
        for index, values in enumerate(matrix["include"]):
            own = {**scope, "strategy": {"job-index": float(index), "job-total": float(len(matrix["include"]))}}
            own |= {"matrix": values} if values is not None else {}
            runs.append(self._one(name, job, own))
        outputs = {key: value for run in runs for key, value in run.outputs.items()}
        return {"result": self._run.result(name), "outputs": outputs}

    def _one(self, name: str, job: dict[str, Any], scope: dict[str, Any]) -> JobRun:
        fine = _status(True, False)
        labels = interpolate(job["runs-on"], scope, fine)
        labels = (labels,) if isinstance(labels, str) else tuple(labels)
        title = as_text(interpolate(job.get("name", name), scope, fine))
        place = self._folder / f"job-{len(self._run.jobs) + 1}"
        run = JobRun(name, title, labels, place / "temp")
        self._run.jobs.append(run)
        machine = next((self._machines[label] for label in labels if label in self._machines), None)
        if machine is None:
            raise UnknownWorkflowError(f"no runner has the labels {labels}")
        worker = _Worker(self, place, machine, run, self._workflow, scope, job.get("env", {}))
        worker.steps(job["steps"])
        worker.scope["github"] = scope["github"]
        run.outputs = {
            key: as_text(interpolate(value, worker.scope, fine)) for key, value in job.get("outputs", {}).items()
        }
        return run

    # ── artifacts

    def upload(self, name: str, folder: Path) -> None:
        if name in self._lost:
            return
        target = self._folder / "artifacts" / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target) if folder.is_dir() else _copy(folder, target / folder.name)
        self._artifacts[name] = target

    def has(self, name: str) -> bool:
        return name in self._artifacts

    def matching(self, pattern: str) -> dict[str, Path]:
        return {name: path for name, path in self._artifacts.items() if fnmatch.fnmatchcase(name, pattern)}

    @property
    def origin(self) -> Path:
        return self._origin

    @property
    def environment(self) -> Mapping[str, str]:
        return self._environment


class _Worker:
    """One job on one machine."""

    def __init__(
        self,
        runner: Runner,
        place: Path,
        machine: Machine,
        run: JobRun,
        workflow: Mapping[str, Any],
        scope: Mapping[str, Any],
        env: Mapping[str, str],
    ) -> None:
        self.scope = {
            **scope,
            "steps": {},
            "env": {},
            "runner": {"temp": str(place / "temp"), "os": "Linux"},
            "secrets": {"REGISTRY_USERNAME": "somebody", "REGISTRY_PASSWORD": "secret"},
        }
        self._runner = runner
        self._machine = machine
        self._run = run
        self._defaults = workflow.get("defaults", {}).get("run", {})
        self._workspace = place / "workspace"
        self._temp = place / "temp"
        self._docker = place / "docker"
        for folder in (self._workspace, self._temp, self._docker):
            folder.mkdir(parents=True)
        self._environment = {
            **{key: os.environ[key] for key in ("PATH", "LANG", "HOME") if key in os.environ},
            **runner.environment,
            "DOCKER_CONFIG": str(self._docker),
            "RUNNER_TEMP": str(self._temp),
            "GITHUB_WORKSPACE": str(self._workspace),
            "GITHUB_ACTIONS": "true",
            "PIP_NO_INDEX": "1",  # edgebake is installed: pip has to find it so, and nothing else
        }
        values = interpolate(workflow.get("env", {}), self.scope, _status(True, False))
        self._environment |= {key: as_text(value) for key, value in values.items()}
        self._environment |= {
            key: as_text(interpolate(value, self.scope, _status(True, False))) for key, value in env.items()
        }
        self._builder = ""

    def steps(self, steps: list[dict[str, Any]]) -> None:
        failed = False
        for step in steps:
            _known("step", step)
            status = _status(not failed, failed)
            if not condition(step.get("if"), self.scope, status):
                continue
            try:
                self._step(step, status)
            except subprocess.CalledProcessError as error:
                failed = True
                self._run.log.append(f"exit code {error.returncode}")
            except FileNotFoundError as error:
                failed = True
                self._run.log.append(f"error: {error}")
        if failed:
            self._run.result = "failure"
        if self._builder:
            self._command("docker", "buildx", "rm", "--keep-state", self._builder)

    def _step(self, step: dict[str, Any], status: Mapping[str, bool]) -> None:
        environment = interpolate(step.get("env", {}), self.scope, status)
        own = {key: as_text(value) for key, value in environment.items()}
        if "uses" in step:
            action = self._pinned(step["uses"])
            given = {k: as_text(interpolate(v, self.scope, status)) for k, v in step.get("with", {}).items()}
            unknown = given.keys() - INPUTS[action]
            if unknown:
                raise UnknownWorkflowError(f"{action} has no input {sorted(unknown)}")
            self._run.ran.append(action)
            self._run.log.append(f"» {action} {given}")
            _ACTIONS[action](self, given)
            return
        self._shell(step, own)

    def _pinned(self, uses: str) -> str:
        action, _, commit = uses.partition("@")
        if action not in ACTIONS or action not in INPUTS or action not in _ACTIONS:
            raise UnknownWorkflowError(f"the action {action}")
        if commit != ACTIONS[action][0] or not re.fullmatch("[0-9a-f]{40}", commit):
            raise UnknownWorkflowError(f"{uses} is not pinned by the commit of its release")
        return action

    def _shell(self, step: dict[str, Any], own: dict[str, str]) -> None:
        script = step["run"]
        if "${{" in script:
            raise UnknownWorkflowError(f"an expression in a script: {script}")
        if self._defaults.get("shell") != "bash":
            raise UnknownWorkflowError("a shell that is not bash")
        self._run.ran.append(step.get("name", script))
        self._run.log.append(f"» {step.get('name', script)}")
        files = {name: self._temp / f"_{name.lower()}" for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        path = self._temp / "_script.sh"
        path.write_text(script)
        folder = step.get("working-directory") or self._defaults.get("working-directory", ".")
        folder = as_text(interpolate(folder, self.scope, _status(True, False)))
        where = self._workspace / folder
        try:
            # How GitHub runs `shell: bash`.
            command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(path))
            self._command(*command, cwd=where, env={**own, **{key: str(file) for key, file in files.items()}})
        finally:
            for file in ("GITHUB_ENV", "GITHUB_PATH"):
                if files[file].read_text():
                    raise UnknownWorkflowError(f"a step writes to {file}")
            if "id" in step:
                outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
                self.scope["steps"][step["id"]] = {"outputs": outputs}

    def _command(self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            command,
            cwd=cwd or self._workspace,
            env={**self._environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        self._run.log += [done.stdout, done.stderr]
        done.check_returncode()
        return done.stdout

    # ── actions

    def _checkout(self, given: Mapping[str, str]) -> None:
        """A shallow clone of the event's commit, as the action makes it."""
        if given.get("persist-credentials") != "false":
            raise UnknownWorkflowError("a checkout that keeps its token in the clone")
        depth = given.get("fetch-depth", "1")
        github = self.scope["github"]
        for command in (
            ("git", "init", "--quiet", "."),
            ("git", "remote", "add", "origin", f"file://{self._runner.origin}"),
            ("git", "fetch", "--quiet", *(("--depth", depth) if depth != "0" else ()), "origin", github["sha"]),
            ("git", "checkout", "--quiet", "--detach", github["sha"]),
        ):
            self._command(*command)

    def _setup_python(self, given: Mapping[str, str]) -> None:
        assert re.fullmatch(r"3\.\d+", given["python-version"])
        binaries = Path(sys.executable).parent
        self._environment["PATH"] = f"{binaries}:{self._environment['PATH']}"

    def _setup_qemu(self, given: Mapping[str, str]) -> None:
        """The machines here have it; that it was asked for is noted."""
        assert given["platforms"]

    def _setup_buildx(self, given: Mapping[str, str]) -> None:
        assert set(given) <= {"version"}, "a builder with settings of its own"
        self._builder = f"runner-{os.getpid()}-{id(self)}"
        address = self._machine.buildkit
        self._command("docker", "buildx", "create", "--name", self._builder, "--driver", "remote", "--use", address)
        if self._machine.fresh:
            self._command("docker", "buildx", "prune", "--builder", self._builder, "--all", "--force")

    def _login(self, given: Mapping[str, str]) -> None:
        assert given["registry"]
        assert given["username"]
        assert given["password"]

    def _bake(self, given: Mapping[str, str]) -> None:
        """`docker buildx bake`, as the action calls it for a local source."""
        if given.get("source", "").startswith(("http", "git")) or "source" not in given:
            raise UnknownWorkflowError("a bake of the remote repository, which lacks what is not committed")
        command = ["docker", "buildx", "bake"]
        for file in _lines(given["files"]):
            command += ["--file", file]
        for override in given.get("set", "").splitlines():
            command += ["--set", override]
        if given.get("push") == "true":
            command.append("--push")
        targets = [word for line in _lines(given["targets"]) for word in line.split(",")]
        self._command(*command, *targets, cwd=self._workspace / given["source"])

    def _upload(self, given: Mapping[str, str]) -> None:
        path = Path(given["path"])
        if not path.exists():
            if given.get("if-no-files-found") != "error":
                return
            raise FileNotFoundError(f"no files were found with the provided path: {path}")
        if self._runner.has(given["name"]) and given.get("overwrite") != "true":
            raise FileNotFoundError(f"an artifact {given['name']} is there already")
        self._runner.upload(given["name"], path)

    def _download(self, given: Mapping[str, str]) -> None:
        target = Path(given["path"])
        if "name" in given:
            found = self._runner.matching(given["name"])
            if not found:
                raise FileNotFoundError(f"artifact not found for name: {given['name']}")
            shutil.copytree(found[given["name"]], target, dirs_exist_ok=True)
            return
        for name, path in self._runner.matching(given["pattern"]).items():
            place = target if given.get("merge-multiple") == "true" else target / name
            shutil.copytree(path, place, dirs_exist_ok=True)


_ACTIONS = {
    "actions/checkout": _Worker._checkout,
    "actions/setup-python": _Worker._setup_python,
    "actions/upload-artifact": _Worker._upload,
    "actions/download-artifact": _Worker._download,
    "docker/setup-qemu-action": _Worker._setup_qemu,
    "docker/setup-buildx-action": _Worker._setup_buildx,
    "docker/login-action": _Worker._login,
    "docker/bake-action": _Worker._bake,
}


def triggered(on: Mapping[str, Any], event: Event) -> bool:
    """Tell whether an event starts the workflow."""
    if event.name not in on:
        return False
    rules = on[event.name] or {}
    unknown = set(rules) - {"branches", "tags", "inputs"}
    if unknown:
        raise UnknownWorkflowError(f"on.{event.name} has {sorted(unknown)}")
    branch = event.payload.get("pull_request", {}).get("base", {}).get("ref") or event.ref.removeprefix(
        "refs/heads/"
    )
    return any(fnmatch.fnmatchcase(branch, pattern) for pattern in rules.get("branches", ["*"]))


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs


def _known(kind: str, data: Mapping[str, Any]) -> None:
    unknown = set(data) - KEYS[kind]
    if unknown:
        raise UnknownWorkflowError(f"a {kind} with {sorted(unknown)}")


def _status(success: bool, failure: bool) -> dict[str, bool]:
    return {"success": success, "failure": failure, "cancelled": False, "always": True}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
