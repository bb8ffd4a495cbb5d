"""The workflow for GitHub Actions, as a file of the repository."""

from __future__ import annotations

from edgebake import __version__
from edgebake.ci.actions import BUILDX, pinned
from edgebake.ci.matrix import HOSTED, runner_labels
from edgebake.errors import EdgebakeError
from edgebake.load.workspace import Workspace
from edgebake.model.project import LOCK_FILE
from edgebake.render.writer import OutputTree
from edgebake.templating.templates import project_templates

TEMPLATE = "ci/github.yml.j2"
GITHUB_REGISTRY = "ghcr.io"


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
        EdgebakeError: the folder contains an expression of GitHub Actions.
    """
    if "${{" in folder:
        raise EdgebakeError(f"the folder {folder!r} cannot be used in a workflow", hints=("rename the folder",))
    project = workspace.project
    ci = project.ci
    registry = ci.registry or project.registry
    host = registry_host(registry)
    text = project_templates(workspace.root).render(
        TEMPLATE,
        title="edgebake" if folder == "." else f"edgebake {folder}",
        ci=ci,
        project=project,
        uses=pinned,
        buildx_version=BUILDX,
        folder=folder,
        path=path,
        install="\n".join(ci.install or (f"edgebake=={__version__}",)),
        registry=registry,
        host=host,
        github_registry=host == GITHUB_REGISTRY,
        gha_cache=project.cache is not None and project.cache.type == "gha",
        # A platform has no runner, or shares a job with another.
        emulates=len(runner_labels(ci)) < len(HOSTED) or ci.jobs < len(HOSTED),
        runner=next(iter(HOSTED.values()))[0],
        locked=(workspace.root / LOCK_FILE).is_file(),
        bake_file=project.bake_file,
    )
    return text + "\n"


def registry_host(repository: str) -> str:
    """Return the host of a repository; Docker Hub if it has none (github.com/distribution/reference)."""
    first, _, rest = repository.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    return first if is_host and (rest or "." in first or ":" in first) else "docker.io"


def warnings(workspace: Workspace) -> list[str]:
    """Return warnings about the workflow: an unreachable registry, or the origin of edgebake."""
    project = workspace.project
    host = registry_host(project.ci.registry or project.registry)
    labels = {word for words in runner_labels(project.ci).values() for word in words}
    hosted = {word for words in HOSTED.values() for word in words}
    messages = []
    if host.split(":")[0] in ("localhost", "127.0.0.1") and labels & hosted:
        messages.append(
            f"GitHub's runners cannot reach the registry {host}: set ci.registry, such as ghcr.io/OWNER"
        )
    if not project.ci.install:
        messages.append(
            f"the workflow installs edgebake=={__version__} from PyPI; "
            "to install it from elsewhere, set ci.install (a path, or git+https://…@COMMIT)"
        )
    return messages
