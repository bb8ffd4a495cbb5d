"""The workflow for GitHub Actions, as a file of the repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgebake import __version__
from edgebake.ci.actions import BUILDX, pinned
from edgebake.ci.matrix import HOSTED, runner_labels
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import stage_templates
from edgebake.load.workspace import Workspace
from edgebake.model.ci import Ci
from edgebake.model.project import LOCK_FILE
from edgebake.render.writer import OutputTree

TEMPLATE = "ci/github.yml.j2"
GITHUB_REGISTRY = "ghcr.io"


@dataclass(frozen=True)
class Place:
    """Where a project lies: its repository's folder, and the project's relative to it (`.` if they are one)."""

    repository: Path
    folder: str


def place_of(root: Path) -> Place:
    """Return where a project lies; without a repository around it, it counts as one."""
    repository = next((one for one in (root, *root.parents) if (one / ".git").exists()), root)
    return Place(repository, root.relative_to(repository).as_posix())


def workflow_tree(workspace: Workspace, output: str | None = None) -> OutputTree:
    """Return the workflow as a tree of generated files, not written yet.

    Its manifest lies in the project's folder of generated files; the workflow where GitHub looks for it.

    Args:
        workspace: the project.
        output: the workflow's path in the repository; the project's `ci.output` if None.

    Raises:
        EdgebakeError: the project lies where GitHub's expressions cannot name it.
    """
    place = place_of(workspace.root)
    path = output or workspace.project.ci.output
    if not path.endswith((".yml", ".yaml")):
        raise EdgebakeError(f"{path!r} does not end in .yml or .yaml; GitHub would not read it")
    folder = (PurePosixPath(place.folder) / workspace.project.output / "ci").as_posix()
    tree = OutputTree(place.repository, folder)
    tree.add(path, render_workflow(workspace, place.folder, path).encode(), owner="GitHub Actions")
    return tree


def render_workflow(workspace: Workspace, folder: str, path: str) -> str:
    """Return the workflow's text.

    Args:
        workspace: the project.
        folder: the project's folder in the repository, `.` if they are one.
        path: where the workflow will lie in the repository.
    """
    if "${{" in folder:
        raise EdgebakeError(f"the folder {folder!r} cannot be named in a workflow", hints=("rename it",))
    project = workspace.project
    ci = project.ci
    registry = ci.registry or project.registry
    host = registry_host(registry)
    text = stage_templates(workspace.root).render(
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
        emulates=_emulates(ci),
        runner=next(iter(HOSTED.values()))[0],
        locked=(workspace.root / LOCK_FILE).is_file(),
        bake_file=project.bake_file,
    )
    return text + "\n"


def _emulates(ci: Ci) -> bool:
    """Tell whether a job may have to emulate: a platform has no runner, or shares a job with another."""
    return len(runner_labels(ci)) < len(HOSTED) or ci.jobs < len(HOSTED)


def registry_host(repository: str) -> str:
    """Return the host of a repository; Docker Hub's if it names none (github.com/distribution/reference)."""
    first, _, rest = repository.partition("/")
    is_host = "." in first or ":" in first or first == "localhost"
    return first if is_host and (rest or "." in first or ":" in first) else "docker.io"


def warnings(workspace: Workspace) -> list[str]:
    """Return what a user should know of the workflow."""
    project = workspace.project
    host = registry_host(project.ci.registry or project.registry)
    labels = {word for words in runner_labels(project.ci).values() for word in words}
    hosted = {word for words in HOSTED.values() for word in words}
    found = []
    if host.split(":")[0] in ("localhost", "127.0.0.1") and labels & hosted:
        found.append(f"GitHub's runners cannot reach the registry {host}: set ci.registry, such as ghcr.io/OWNER")
    if not project.ci.install:
        found.append(
            f"the workflow installs edgebake=={__version__} from PyPI; "
            "if it comes from elsewhere, set ci.install (a path, or git+https://…@COMMIT)"
        )
    return found
