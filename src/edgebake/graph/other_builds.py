"""The right Python package, but the wrong build: a recipe of the catalogue has another one for the target."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.python_requests import PythonRequests, package_of
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.graph.view import RecipeView
from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.model.recipe import Additions, Recipe
from edgebake.resolve.resolution import Pin
from edgebake.text.words import counted

_HAS_OTHER_BUILDS = re.compile(r"pip_index|@ ?https?://|-(?:cpu|gpu)\b")
"""In a recipe's file: it may install a package from elsewhere, or another one instead."""
_ALIASES = re.compile(r"^aliases: *\[([^\]]*)\]", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_CUDA = re.compile(
    r"nvidia-(?!ml-py)[a-z0-9-]+-cu\d+|cuda-(?:bindings|toolkit|pathfinder)|cupy-cuda\d+x?"
    r"|nvidia-(?:cublas|cuda-[a-z]+|cudnn|cufft|cufile|curand|cusolver|cusparse|cusparselt|nccl|nvjitlink|nvshmem|nvtx)"
)


@dataclass(frozen=True)
class OtherBuild:
    """A finding about an image's Python packages on a target.

    Attributes:
        image: the image's name.
        target: the target's name.
        text: what is wrong, and who asked for it, as prose.
        at: where it is asked for.
        asker: the recipe that asks for it.
        kind: `build`: a recipe of the catalogue has another build. `cuda`: it brings CUDA, and the target has none.
    """

    image: str
    target: str
    text: str
    at: Position | None
    asker: str
    kind: Literal["build", "cuda"]


@dataclass(frozen=True)
class _Offer:
    """A recipe that has the build for a target, and how it installs it."""

    recipe: str
    how: str


class OtherBuilds:
    """Finds packages for which the catalogue has another build.

    Args:
        catalogue: the recipes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._offers: dict[tuple[TargetRecipes, str, str], _Offer | None] = {}

    def of(self, plan: ImagePlan, recipes: TargetRecipes) -> list[OtherBuild]:
        """Return what is found for an image, each once.

        Args:
            plan: the image.
            recipes: the target's recipes, for the image's Python.
        """
        found = (one for platform in plan.platforms for one in self._on(plan, platform, recipes))
        return list(dict.fromkeys(found))

    def _on(self, plan: ImagePlan, platform: str, recipes: TargetRecipes) -> Iterator[OtherBuild]:
        requests = PythonRequests(plan.views_on(platform), plan.python[platform].needs)
        for package in requests.packages:
            offer = self._offer(recipes, platform, package)
            if offer and not _is_deliberate(plan, platform, requests, package, offer):
                text = f"{package} is not the build for this target: the recipe {offer.recipe!r} {offer.how}"
                yield _found(plan, requests, package, text, "build")
        if plan.target.cuda is None:
            yield from self._with_cuda(plan, requests)

    def _with_cuda(self, plan: ImagePlan, requests: PythonRequests) -> Iterator[OtherBuild]:
        """Yield the packages that bring CUDA to a target without it."""
        for package in requests.packages:
            brought = [] if _CUDA.fullmatch(package) else _reached(requests, package)
            if brought:
                shown = f"{brought[0]}, …" if len(brought) > 1 else brought[0]
                packages = counted(len(brought), "package")
                text = f"the target has no CUDA, and {package} brings {packages} of it ({shown})"
                yield _found(plan, requests, package, text, "cuda")
            elif package in requests.askers and _CUDA.fullmatch(package):
                yield _found(plan, requests, package, f"the target has no CUDA, and {package} is for it", "cuda")

    # ── what the catalogue has

    @cached_property
    def _recipes(self) -> dict[str, list[str]]:
        """The recipes that can have other builds, by the packages that they are for. Few of them are parsed."""
        found: dict[str, list[str]] = {}
        for recipe, text in self._catalogue.recipe_texts():
            if _HAS_OTHER_BUILDS.search(text):
                aliases = _ALIASES.search(text)
                words = _WORD.findall(aliases[1]) if aliases else self._aliases(recipe, text)
                for name in {str(canonicalize_name(word)) for word in (recipe, *words)}:
                    found.setdefault(name, []).append(recipe)
        return found

    def _aliases(self, recipe: str, text: str) -> Sequence[str]:
        """Return the aliases of a recipe that does not write them as a list in one line."""
        return self._catalogue.recipe(recipe).recipe.aliases if "aliases" in text else ()

    def _offer(self, recipes: TargetRecipes, platform: str, package: str) -> _Offer | None:
        key = (recipes, platform, package)
        if key not in self._offers:
            known = (self._catalogue.recipe(name) for name in self._recipes.get(package, ()))
            offers = (_offer(recipes, platform, package, loaded) for loaded in known)
            self._offers[key] = next((offer for offer in offers if offer), None)
        return self._offers[key]


def _own_packages(loaded: LoadedRecipe) -> set[str]:
    return {str(canonicalize_name(name)) for name in (loaded.name, *loaded.recipe.aliases)}


def _offer(recipes: TargetRecipes, platform: str, package: str, loaded: LoadedRecipe) -> _Offer | None:
    """Return how a recipe installs a package on a target, if that is from elsewhere or another package."""
    others: dict[str, None] = {}
    installs_it = False
    for view in _views(recipes, platform, loaded):
        for text in view.pip:
            if package_of(text) != package:
                others[package_of(text)] = None
                continue
            url = Requirement(text).url
            if url or view.pip_index:
                return _Offer(loaded.name, f"installs it from {urlsplit(url).netloc if url else view.pip_index[0]}")
            installs_it = True
    instead = [name for name in others if name in _own_packages(loaded) or name.startswith(f"{package}-")]
    return _Offer(loaded.name, f"installs {instead[0]}") if instead and not installs_it else None


def _views(recipes: TargetRecipes, platform: str, loaded: LoadedRecipe) -> Iterator[RecipeView]:
    for candidate in recipes.pool(platform).candidates(loaded.name):
        if candidate.loaded is not None and candidate.release is not None:
            yield recipes.view(Pin(candidate.loaded, candidate.release, candidate), platform)


# ── what an image has


def _is_deliberate(plan: ImagePlan, platform: str, requests: PythonRequests, package: str, offer: _Offer) -> bool:
    """Tell whether an image says itself where a package comes from, or cannot have the recipe."""
    pins = plan.resolutions[platform].pins
    if offer.recipe in pins or any(asker.is_from_elsewhere for asker in requests.askers.get(package, ())):
        return True
    return any(offer.recipe == other for pin in pins.values() for other in _conflicting(pin))


def _conflicting(pin: Pin) -> Iterable[str]:
    parts: tuple[Recipe | Additions, ...] = (pin.recipe, *pin.additions)
    return (one.name for part in parts for one in part.conflicts)


def _reached(requests: PythonRequests, package: str) -> list[str]:
    """Return the packages of CUDA that a package needs, and those that these need, sorted."""
    found: set[str] = set()
    todo = [package]
    while todo:
        needed = {name for name in requests.needs.get(todo.pop(), ()) if _CUDA.fullmatch(name)} - found
        found |= needed
        todo += needed
    return sorted(found)


def _found(
    plan: ImagePlan, requests: PythonRequests, package: str, text: str, kind: Literal["build", "cuda"]
) -> OtherBuild:
    asker = requests.asker(package)
    return OtherBuild(
        plan.name,
        plan.target.name,
        f"{text}; {requests.described(package)}",
        asker.at if asker else None,
        asker.view.pin.name if asker else "",
        kind,
    )
