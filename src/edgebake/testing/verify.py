"""Builds and tests recipes one by one, with and without what is tested, and records what came of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebake.compile import Compilation, compile_workspace
from edgebake.errors import EdgebakeError
from edgebake.execute.executor import Settings
from edgebake.fingerprint import Fingerprints
from edgebake.load.workspace import open_workspace
from edgebake.model.project import PROJECT_FILE
from edgebake.model.requirement import parse_requirement
from edgebake.plan.selection import Selection
from edgebake.render.dockerfile import base_reference
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.python_choice import with_wanted_python
from edgebake.testing.cases import Case, cases_of
from edgebake.testing.images import check_images
from edgebake.testing.report import Suite
from edgebake.testing.runner import run_cases
from edgebake.testing.verified import Key, Verification, own_fingerprint, read_verified, write_verified

_WITHOUT = ("python", "ninja")
"""What an image without a recipe has, if the recipe needs nothing: it has to have something."""


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
    work: Path,
    target: str,
    recipes: Sequence[str] = (),
    platforms: Sequence[str] = (),
    given: Sequence[str] = (),
) -> Iterator[Subject]:
    """Yield what there is to verify: recipes that exist on the target and have a test that needs no GPU.

    Args:
        work: an empty folder.
        target: the target's name.
        recipes: only these; all if empty.
        platforms: only these; all of the target if empty.
        given: requirements that stand beside each recipe, such as the release of another one.

    Raises:
        EdgebakeError: an unknown recipe or target; a recipe that cannot be had with `given`.
    """
    workspace = open_workspace(work, need_project=False)
    wanted = [parse_requirement(text) for text in given]
    profile = with_wanted_python(workspace.catalogue.target(target).target, workspace.catalogue, wanted)
    for recipe in recipes or workspace.catalogue.recipe_names():
        loaded = workspace.catalogue.recipe(recipe)
        there = [p for p in profile.platforms if CandidatePool(workspace.catalogue, profile, p).candidates(recipe)]
        if loaded.recipe.test is None or loaded.recipe.test.gpu or not there:
            continue
        compilation = compile_workspace(workspace.with_image(recipe, _requirements(recipe, given), [target], there))
        fingerprints = Fingerprints(compilation)
        for platform in there:
            if not platforms or platform in platforms:
                own = own_fingerprint(compilation, fingerprints, recipe, platform)
                yield Subject(recipe, target, platform, own, compilation, tuple(given))


def _requirements(recipe: str, given: Sequence[str]) -> tuple[str, ...]:
    """Return a recipe with what is given; its own release can be given, too."""
    itself = any(parse_requirement(text).name == recipe for text in given)
    return tuple(given) if itself else (recipe, *given)


def verify(
    work: Path, record: Path, found: Iterable[Subject], settings: Settings, tell: Callable[[Verification], None]
) -> None:
    """Verify what the record does not have as it is now; each result is written down at once.

    Args:
        work: an empty folder to build in; folders in it become the working directory.
        record: the folder of recipes, with the record.
        found: what to verify.
        settings: how to build.
        tell: is told of each result.
    """
    for subject in found:
        known = read_verified(record)
        old = known.get(subject.key)
        if old is not None and old.ok and old.fingerprint == subject.fingerprint:
            continue
        result = _verify(work, subject, settings)
        known = read_verified(record)  # another one may have written meanwhile
        write_verified(record, {**known, subject.key: result}.values())
        tell(result)


def _verify(work: Path, subject: Subject, settings: Settings) -> Verification:
    begin = time.monotonic()
    reason, size, fails_without = "", 0, False
    try:
        suite = _suite(work, subject.requirements, subject, settings)
        wrong = next((result for result in suite.results if not result.ok), None)
        reason = f"{wrong.case.title} {wrong.outcome}: {wrong.output[-500:]}" if wrong else ""
        size = _size_and_remove(suite.reference)
        fails_without = not reason and _fails_without(work, subject, settings)
    except EdgebakeError as error:
        reason = f"{error.message}: {(error.reason or '')[-500:]}"
    plan = subject.compilation.plans[0]
    return Verification(
        recipe=subject.recipe,
        release=plan.resolutions[subject.platform].pins[subject.recipe].version,
        target=subject.target,
        platform=subject.platform,
        given=subject.given,
        fingerprint=subject.fingerprint,
        base=base_reference(subject.compilation, plan.target.base.image),
        result="failed" if reason else "passed",
        fails_without=fails_without,
        seconds=round(time.monotonic() - begin, 1),
        size=size,
        reason=reason,
    )


def _suite(work: Path, recipes: Sequence[str], subject: Subject, settings: Settings) -> Suite:
    """Build an image with recipes on the subject's one platform, and run its tests.

    It is an image of a project, which can be for fewer platforms than its target: not every recipe is for all.
    """
    name = subject.recipe if recipes == subject.requirements else f"{subject.recipe}-without"
    folder = work / name
    folder.mkdir(exist_ok=True)
    image = {"recipes": list(recipes), "targets": [subject.target], "platforms": [subject.platform]}
    (folder / PROJECT_FILE).write_text(json.dumps({"images": {name: image}}))
    os.chdir(folder)
    (suite,) = check_images(folder, Selection((name,)), settings, quiet=True)
    return suite


def _fails_without(work: Path, subject: Subject, settings: Settings) -> bool:
    """Tell whether the recipe's test fails in an image that has what the recipe needs, but not the recipe."""
    suite = _suite(work, _needs(subject), subject, settings)
    (result,) = run_cases(suite.reference, subject.platform, [subject.case])
    _size_and_remove(suite.reference)
    return not result.ok


def _needs(subject: Subject) -> list[str]:
    """Return what a recipe needs, at the releases that it was built with."""
    pins = subject.compilation.plans[0].resolutions[subject.platform].pins
    needs = [pins[name] for name in sorted(pins[subject.recipe].requires)]
    if needs:
        return [f"{pin.name}=={pin.release.version}" if pin.loaded.is_versioned else pin.name for pin in needs]
    return [next(name for name in _WITHOUT if name != subject.recipe)]


def _size_and_remove(reference: str) -> int:
    """Return an image's size in bytes. The image goes; its layers stay in the build cache for the next one."""
    from python_on_whales import DockerClient

    docker = DockerClient()
    size = int(docker.image.inspect(reference).size)
    docker.image.remove(reference, force=True)
    return size
