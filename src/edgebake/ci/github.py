"""The workflow for GitHub Actions, as a file of the repository."""

from __future__ import annotations

from edgebake.ci.matrix import HOSTED, runner_labels
from edgebake.ci.secrets import workflow_secrets
from edgebake.errors import EdgebakeError
from edgebake.load.workspace import Workspace
from edgebake.render.writer import OutputTree
from edgebake.templating.templates import project_templates
from edgebake.templating.visible import Function

TEMPLATE = "ci/github.yml.j2"
GITHUB_REGISTRY = "ghcr.io"
ACTIONS: dict[str, tuple[str, str]] = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "docker/setup-qemu-action": ("96fe6ef7f33517b61c61be40b68a1882f3264fb8", "v4.2.0"),
    "docker/setup-buildx-action": ("37fe631027851001ddb9b187196cc803df7f5f0e", "v4.3.0"),
    "docker/login-action": ("4907a6ddec9925e35a0a9e82d7399ccc52663121", "v4.1.0"),
    "docker/bake-action": ("a66e1c87e2eca0503c343edf1d208c716d54b8a8", "v7.1.0"),
    "crazy-max/ghaction-github-runtime": ("04d248b84655b509d8c44dc1d6f990c879747487", "v4.0.0"),
    "sigstore/cosign-installer": ("6f9f17788090df1f26f669e9d70d6ae9567deba6", "v4.1.2"),
}
"""Commit and release by action: a tag can move, a commit cannot. Source: the tags of their repositories on
github.com (`git for-each-ref`)."""

BUILDX = "v0.38.2"
"""The Buildx of the jobs that build: a runner may have one that cannot do --keep-going."""


def workflow_tree(workspace: Workspace, output: str | None = None) -> OutputTree:
    """Return the workflow as a tree of generated files, not written yet.

    Its manifest is in the project's folder of generated files. `output` is the workflow's path in the repository;
    the project's `ci.output` if None.

    Raises:
        EdgebakeError: the path does not end in .yml or .yaml, or the project's folder cannot be in a workflow.
    """
    root, path = workspace.root, output or workspace.project.ci.output
    if not path.endswith((".yml", ".yaml")):
        raise EdgebakeError(f"{path!r} does not end in .yml or .yaml, so GitHub would ignore it")
    repository = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    project = root.relative_to(repository)
    tree = OutputTree(repository, (project / workspace.project.output / "ci").as_posix())
    tree.add(path, render_workflow(workspace, project.as_posix(), path).encode(), owner="GitHub Actions")
    return tree


def render_workflow(workspace: Workspace, folder: str, path: str) -> str:
    """Return the text of the workflow with this path in the repository.

    `folder` is the project's folder in the repository, `.` if they are the same.

    Raises:
        EdgebakeError: the folder contains an expression of GitHub Actions, or `ci.install` is not set.
    """
    if "${{" in folder:
        raise EdgebakeError(f"the folder {folder!r} cannot be used in a workflow", hints=("rename the folder",))
    project = workspace.project
    ci = project.ci
    if not ci.install:
        raise EdgebakeError(
            "the workflow has nothing to install edgebake from",
            at=workspace.at("ci"),
            reason="Its jobs can push images, so the project says what they run; a name on an index can be taken.",
            hints=(
                'set ci.install, such as "edgebake @ git+https://HOST/PATH@COMMIT"',
                "a wheel with its hash, and a path in the repository, are possible too (docs/ci.md)",
            ),
        )
    registry = ci.registry or project.registry
    host = registry_host(registry)
    text = project_templates(workspace.root).render(
        TEMPLATE,
        title="edgebake" if folder == "." else f"edgebake {folder}",
        ci=ci.model_dump(mode="json"),
        project=project.model_dump(mode="json"),
        uses=Function(_pinned),
        buildx_version=BUILDX,
        folder=folder,
        path=path,
        install="\n".join(ci.install),
        registry=registry,
        host=host,
        github_registry=host == GITHUB_REGISTRY,
        secrets=workflow_secrets(workspace),
        gha_cache=project.cache is not None and project.cache.type == "gha",
        # A platform has no runner, or shares a job with another.
        emulates=len(runner_labels(ci)) < len(HOSTED) or ci.jobs < len(HOSTED),
        runner=next(iter(HOSTED.values()))[0],
        locked=workspace.lock is not None and workspace.lock.is_complete,
        bake_file=project.bake_file,
    )
    return text + "\n"


def registry_host(repository: str) -> str:
    """Return the host of a repository; Docker Hub if it has none (github.com/distribution/reference)."""
    first, _, rest = repository.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    return first if is_host and (rest or "." in first or ":" in first) else "docker.io"


def warnings(workspace: Workspace) -> list[str]:
    """Return warnings about the workflow: an unreachable registry."""
    project = workspace.project
    host = registry_host(project.ci.registry or project.registry)
    labels = {word for words in runner_labels(project.ci).values() for word in words}
    hosted = {word for words in HOSTED.values() for word in words}
    messages = []
    if host.split(":")[0] in ("localhost", "127.0.0.1") and labels & hosted:
        messages.append(
            f"GitHub's runners cannot reach the registry {host}: set ci.registry, such as ghcr.io/OWNER"
        )
    return messages


def _pinned(action: str) -> str:
    """Return the value of `uses:` for an action, with its release in a comment."""
    commit, release = ACTIONS[action]
    return f"{action}@{commit} # {release}"
