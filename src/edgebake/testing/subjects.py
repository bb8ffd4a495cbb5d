"""What there is to verify of the catalogue, and the fingerprints that say whether it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.compile import Compilation, compile_workspace
from edgebake.load.ignore import WITHOUT_BYTECODE
from edgebake.load.workspace import Workspace
from edgebake.model.requirement import parse_requirement
from edgebake.plan.fingerprint import Fingerprints
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.python_choice import with_wanted_python
from edgebake.testing.cases import Case, cases_of
from edgebake.testing.verified import Key


@dataclass(frozen=True)
class Subject:
    """A recipe on a target and platform, as it is to be verified.

    `given` are requirements that stand beside it, where what it would take by itself cannot be had.
    """

    recipe: str
    target: str
    platform: str
    fingerprint: str
    compilation: Compilation
    given: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """As that of a record."""
        return (self.recipe, self.target, self.platform)

    @property
    def requirements(self) -> tuple[str, ...]:
        """What an image with it is asked for."""
        return _requirements(self.recipe, self.given)

    @property
    def case(self) -> Case:
        """The recipe's test."""
        cases = cases_of(self.compilation.plans[0], self.platform)
        return next(case for case in cases if case.recipe == self.recipe)


def subjects(
    workspace: Workspace,
    target: str,
    recipes: Sequence[str] = (),
    platforms: Sequence[str] = (),
    given: Sequence[str] = (),
    left_out: Callable[[str, EdgebakeError], None] | None = None,
) -> Iterator[Subject]:
    """Yield what can be verified: recipes that exist on the target and have a test that needs no GPU.

    The workspace is an empty one, for the built-in catalogue. Empty `recipes` or `platforms` are all of them.
    `given` are requirements that are added to each recipe, such as the release of another one. `left_out` is called
    with a recipe that cannot be resolved, and why; without it, that is an error.

    Raises:
        EdgebakeError: an unknown recipe or target; a recipe that cannot be had with `given`.
    """
    catalogue = workspace.catalogue
    wanted = [parse_requirement(text) for text in given]
    profile = with_wanted_python(catalogue.target(target).target, catalogue, wanted)
    for recipe in recipes or catalogue.recipe_names():
        if not catalogue.has_recipe(recipe):
            hints = did_you_mean(recipe, catalogue.recipe_names(), kind="recipe")
            raise EdgebakeError(f"unknown recipe {recipe!r}", hints=hints)
        test = catalogue.recipe(recipe).recipe.test
        there = [p for p in profile.platforms if CandidatePool(catalogue, profile, p).candidates(recipe)]
        if test is None or test.gpu or not there:
            continue
        image = workspace.with_image(recipe, _requirements(recipe, given), [target], there)
        try:
            compilation = compile_workspace(image)
        except EdgebakeError as error:
            if left_out is None:
                raise
            left_out(recipe, error)
            continue
        fingerprints = Fingerprints(compilation)
        for platform in (platform for platform in there if not platforms or platform in platforms):
            own = own_fingerprint(compilation, fingerprints, recipe, platform)
            yield Subject(recipe, target, platform, own, compilation, tuple(given))


def _requirements(recipe: str, given: Sequence[str]) -> tuple[str, ...]:
    """Return a recipe with what is given; its own release can be given, too."""
    itself = any(parse_requirement(text).name == recipe for text in given)
    return tuple(given) if itself else (recipe, *given)


def own_fingerprint(compilation: Compilation, fingerprints: Fingerprints, recipe: str, platform: str) -> str:
    """Return the digest of a recipe's own stages on a platform, not of what they are built on, and of its test.

    The compilation has an image of this recipe, on one target; `fingerprints` are the compilation's.
    """
    nodes = [node for node in compilation.graph if node.recipe == recipe and platform in node.pins]
    own = sorted((node.kind, fingerprints.of(node, platform).own) for node in nodes)
    cases = [case for plan in compilation.plans for case in cases_of(plan, platform) if case.recipe == recipe]
    tests = sorted(part for case in cases for part in _contents(case))
    return hashlib.sha256(json.dumps([own, tests]).encode()).hexdigest()


def _contents(case: Case) -> Iterator[tuple[str, str]]:
    """Yield name and digest of each file of a test."""
    for path, name in case.mounts:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and not WITHOUT_BYTECODE.ignores(file.relative_to(path.parent).as_posix()):
                shown = f"{name}/{file.relative_to(path).as_posix()}" if path.is_dir() else name
                yield shown, hashlib.sha256(file.read_bytes()).hexdigest()
