"""A pinned recipe's values on one target and platform: recipe, release and variant merged, templates filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PythonRequirement

from edgebake.errors import EdgebakeError, Position
from edgebake.load.document import Location
from edgebake.model.base import (
    BadValue,
    check_apt_package,
    check_copy_destination,
    check_folder_destination,
    check_image_path,
    check_web_address,
    without_secret,
)
from edgebake.model.recipe import Additions, Recipe, Release, check_git_ref, check_git_url
from edgebake.model.target import Target, system_variables
from edgebake.resolve.resolution import Pin
from edgebake.templating.values import VersionFact, is_template, render_value

Part = tuple[Recipe | Additions, Location]


class RecipeView:
    """What one recipe's stages are made of.

    Args:
        pin: the recipe's release.
        target: the target.
        platform: the OCI platform; None for a stage of the build platform, whose platform is unknown.
        facts: what templates see of the target there.
    """

    def __init__(self, pin: Pin, target: Target, platform: str | None, facts: Mapping[str, Any]) -> None:
        self.pin = pin
        self.target = target
        self.platform = platform
        self._facts = facts
        self.recipe = pin.recipe
        self._parts: tuple[Part, ...] = tuple(self._find_parts())

    @cached_property
    def _base_scope(self) -> dict[str, Any]:
        pin = self.pin
        return {
            **self._facts,
            "name": pin.name,
            "version": VersionFact(pin.release.version),
            "release": pin.release.model_dump(mode="json"),
            "flavours": pin.flavours,
            "flavour": pin.flavours[0] if pin.flavours else "",
        }

    def _find_parts(self) -> Iterator[Part]:
        yield self.recipe, ()
        location: Location = ("releases", self._release_index())
        for part in self.pin.additions:
            if not isinstance(part, Release):
                location = (*location, "variants", self.pin.candidate.variant_number)
            yield part, location

    def _release_index(self) -> int:
        releases: Any = self.recipe.releases
        versions = [] if callable(releases) else [release.version for release in releases]
        return versions.index(self.pin.release.version) if self.pin.release.version in versions else 0

    def at(self, location: Location) -> Position:
        """Return the position of a value of the recipe's file."""
        return self.pin.loaded.document.at(location)

    def text(self, value: str, location: Location, scope: dict[str, Any] | None = None) -> str:
        """Return a value with its templates filled in."""
        if not is_template(value):
            return value
        what = ".".join(str(part) for part in location)
        return render_value(value, scope or self.scope, self.position_getter(location), what)

    def checked(self, value: str, location: Location, check: Callable[[str], str]) -> str:
        """Return a value with its templates filled in, if it then is what its field takes.

        Raises:
            EdgebakeError: a template is wrong, or `check` raises ValueError.
        """
        text = self.text(value, location)
        try:
            return check(text)
        except ValueError as error:
            what = ".".join(str(part) for part in location)
            hints = error.hints if isinstance(error, BadValue) else ()
            raise EdgebakeError(f"{what}: {error}", at=self.at(location), hints=hints) from None

    def position_getter(self, location: Location) -> Callable[[], Position]:
        """Return a function that finds the position, for when it is needed."""
        return lambda: self.at(location)

    @cached_property
    def args(self) -> dict[str, str]:
        """The args; a release's over the recipe's, a variant's over the release's."""
        merged: dict[str, str] = {}
        for part, location in self._parts:
            for name, value in part.args.items():
                merged[name] = self.text(value, (*location, "args", name), self._base_scope)
        return dict(sorted(merged.items()))

    @cached_property
    def scope(self) -> dict[str, Any]:
        """What templates see."""
        return {**self._base_scope, "args": self.args}

    def _many(self, field: str) -> list[tuple[str, Location]]:
        """Return a list field of the install half, the release and the variant, with its templates filled in."""
        return [(self.checked(value, where, without_secret), where) for value, where in self._written(field)]

    def _written(self, field: str) -> Iterator[tuple[str, Location]]:
        for part, location in self._parts:
            owner, place = (self.recipe.install, ("install",)) if isinstance(part, Recipe) else (part, location)
            for index, value in enumerate(getattr(owner, field)):
                yield value, (*place, field, index)

    @cached_property
    def written_apt(self) -> list[tuple[str, Location]]:
        """System packages in the order written, each with its place in the recipe's file."""
        return [(self.checked(value, where, check_apt_package), where) for value, where in self._written("apt")]

    @cached_property
    def apt(self) -> list[str]:
        """System packages, sorted, each once."""
        return sorted({package for package, _ in self.written_apt})

    @cached_property
    def written_sysroot_apt(self) -> list[tuple[str, Location]]:
        """Development packages for what compiles against this recipe, each with its place in the recipe's file."""
        return self._development(self.recipe.sysroot.apt, "sysroot")

    @cached_property
    def sysroot_apt(self) -> list[str]:
        """Development packages for what compiles against this recipe, sorted, each once."""
        return sorted({package for package, _ in self.written_sysroot_apt})

    @cached_property
    def written_build_apt(self) -> list[tuple[str, Location]]:
        """Development packages of the recipe's own build half, each with its place in the recipe's file."""
        return self._development(self.recipe.build.apt if self.recipe.build else (), "build")

    @cached_property
    def build_apt(self) -> list[str]:
        """Development packages that the recipe's own build half compiles against, sorted, each once."""
        return sorted({package for package, _ in self.written_build_apt})

    def _development(self, packages: Sequence[str], part: str) -> list[tuple[str, Location]]:
        places = [(value, (part, "apt", index)) for index, value in enumerate(packages)]
        return [(self.checked(value, where, check_apt_package), where) for value, where in places]

    @cached_property
    def pip(self) -> list[str]:
        """Python requirements, in the order written, each once."""
        return list(self.pip_places)

    @cached_property
    def pip_places(self) -> dict[str, Location]:
        """Python requirements, in the order written, and where each is written first."""
        found: dict[str, Location] = {}
        for value, where in self._many("pip"):
            try:
                found.setdefault(_python_requirement(value), where)
            except InvalidRequirement as error:
                raise EdgebakeError(
                    f"{value!r} is not a Python requirement (PEP 508)",
                    at=self.at(where),
                    reason=str(error).splitlines()[0],
                ) from None
        return found

    @cached_property
    def pip_index(self) -> list[str]:
        """The indexes that the recipe's own requirements come from, in the order written."""
        return list(self.pip_index_places)

    @cached_property
    def pip_index_places(self) -> dict[str, Location]:
        """The indexes, and where each is written first."""
        found: dict[str, Location] = {}
        for value, where in self._written("pip_index"):
            found.setdefault(self.checked(value, where, check_web_address), where)
        return found

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment that the recipe gives to the image."""
        merged: dict[str, str] = {}
        for part, location in self._parts:
            merged.update(self.rendered(part.env, (*location, "env")))
            if isinstance(part, Recipe):
                merged.update(self.rendered(part.install.env, ("install", "env")))
        return dict(sorted(merged.items()))

    @cached_property
    def path(self) -> list[str]:
        """Folders put in front of PATH."""
        folders = enumerate(self.recipe.install.path)
        return [self.checked(value, ("install", "path", index), check_image_path) for index, value in folders]

    @cached_property
    def artifacts(self) -> list[tuple[str, str]]:
        """Paths in the build half's $OUT, and where in the image their contents go."""
        here: Location = ("install", "artifacts")
        check = check_folder_destination
        written = sorted(self.recipe.install.artifacts.items())
        return [(self.checked(a, here, check_image_path), self.checked(b, (*here, a), check)) for a, b in written]

    @cached_property
    def files(self) -> list[tuple[str, str]]:
        """Files and folders of the recipe, and where in the image they go."""
        here: Location = ("install", "files")
        written = self.recipe.install.files.items()
        return [(source, self.checked(to, (*here, source), check_copy_destination)) for source, to in written]

    def rendered(self, values: dict[str, str], location: Location) -> dict[str, str]:
        """Return a mapping of the recipe with its values' templates filled in."""
        return {name: self.text(value, (*location, name)) for name, value in values.items()}

    def build_env(self) -> dict[str, str]:
        """Return the environment of the build script."""
        assert self.recipe.build is not None
        return self.rendered(self.recipe.build.env, ("build", "env"))

    def git_sources(self) -> list[tuple[str, str]]:
        """Return URL and ref of the git sources that name no commit, as git may be given them.

        Raises:
            EdgebakeError: a value, with its templates filled in, is none that git takes.
        """
        found = []
        for index, source in enumerate(self.recipe.build.sources if self.recipe.build else ()):
            place = ("build", "sources", index)
            if source.git and source.ref and not source.commit:
                url = self.checked(source.git, (*place, "git"), check_git_url)
                found.append((url, self.checked(source.ref, (*place, "ref"), check_git_ref)))
        return found

    def named_in(self, script: str, names: Iterable[str]) -> frozenset[str]:
        """Return those of `names` that a script of the recipe mentions as a whole word."""
        return self.pin.loaded.words_of(script).intersection(names)

    def script_variables(self, script: str) -> dict[str, str]:
        """Return what a script gets: the args, VERSION, and the system variables that it mentions.

        Only those that its text names, so that a fact that it does not use is not part of its stage.
        """
        known = {
            **system_variables(self.target, self.platform),
            "VERSION": self.pin.version,
            "FLAVOURS": " ".join(self.pin.flavours),
        }
        named = self.named_in(script, known)
        return dict(sorted({**{name: known[name] for name in named}, **self.args}.items()))


@lru_cache(maxsize=8192)
def _python_requirement(text: str) -> str:
    return str(PythonRequirement(text))
