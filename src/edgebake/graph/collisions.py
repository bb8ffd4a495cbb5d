"""Two inputs can never own one generated name: a collision is an error that names both owners."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edgebake.errors import Position
from edgebake.graph.build_graph import BakeTarget, Index
from edgebake.graph.names import bake_target_name, base_variable, groups, refuse_collisions
from edgebake.load.workspace import Workspace
from edgebake.model.project import Project
from edgebake.model.target import Target
from edgebake.model.variables import fill_in, variable_values


def refuse_all_collisions(
    bake_targets: Iterable[BakeTarget],
    indexes: Iterable[Index],
    targets: Mapping[str, Target],
    workspace: Workspace,
) -> None:
    """Refuse a project in which two things would have one bake name, tag, variable or tag suffix.

    Args:
        bake_targets: all of them.
        indexes: the tags over several targets.
        targets: those that images are for.
        workspace: the project.

    Raises:
        EdgebakeError: naming both.
    """
    bake_targets, indexes = list(bake_targets), list(indexes)
    _refuse_bake_names(bake_targets, targets)
    tags = [(f"{t.repository}:{tag}", _owner(t)) for t in bake_targets for tag in t.tags]
    tags += [(f"{i.repository}:{i.tag}", _index_owner(i)) for i in indexes]
    images: dict[str, tuple[str, ...]] = {_owner(t): ("images", t.image, "tags") for t in bake_targets}
    images |= {_index_owner(i): ("images", i.image, "indexes", i.tag) for i in indexes}

    def at(owner: str) -> Position | None:
        return workspace.at(*images[owner])

    refuse_collisions(tags, kind="tag", at=at)
    values = variable_values(workspace.project, {})
    refuse_collisions(((fill_in(tag, values), owner) for tag, owner in tags), kind="tag", at=at)
    _refuse_variables(targets, workspace.project)
    suffixes = {f"the target {target.name!r}": target for target in targets.values()}

    def suffix_at(owner: str) -> Position:
        return workspace.catalogue.target(suffixes[owner].name).document.at(("tag_suffix",))

    refuse_collisions(((t.tag_suffix, owner) for owner, t in suffixes.items()), kind="tag_suffix", at=suffix_at)


def _refuse_bake_names(bake_targets: list[BakeTarget], targets: Mapping[str, Target]) -> None:
    own = [(target.name, _owner(target)) for target in bake_targets]
    refuse_collisions(own, kind="bake target")
    own_groups = [(name, f"the group {name!r}") for name in ("default", *groups(bake_targets))]
    named = {bake_target_name(t.image, "").rstrip("-"): f"the image {t.image!r}" for t in bake_targets}
    named |= {bake_target_name(name, "").rstrip("-"): f"the target {name!r}" for name in targets}
    refuse_collisions([("test", "the group of all tests"), *named.items()], kind="bake name")
    refuse_collisions([*own_groups, *own], kind="bake name")
    shared = ((bake_target_name(name, ""), f"the target {name!r}") for name in targets)
    refuse_collisions(shared, kind="bake name")


def _refuse_variables(targets: Mapping[str, Target], project: Project) -> None:
    owners = [(name, "edgebake") for name in ("REGISTRY", "TAG", "CA_BUNDLE", "WHEELHOUSE")]
    owners += [(name, "a variable of the project") for name in project.variables]
    for name, target in targets.items():
        owners.append((base_variable(name), f"the target {name!r}"))
        if target.base.native:
            owners.append((f"NATIVE_{base_variable(name)}", f"the native base of {name!r}"))
    refuse_collisions(owners, kind="bake variable")


def _owner(target: BakeTarget) -> str:
    tests = "the tests of " if target.is_test else ""
    return f"{tests}the image {target.image!r} on {target.target!r}"


def _index_owner(index: Index) -> str:
    return f"the index {index.tag!r} of the image {index.image!r}"
