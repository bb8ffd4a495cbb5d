"""Build halves: what compiles, off the image's line, and ends in an artifact stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from edgebake.errors import EdgebakeError
from edgebake.graph.context import Reads
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.node import Body, Node, reference
from edgebake.graph.stages import StageFactory, same, script_path, title_of, told_parts
from edgebake.graph.view import RecipeView
from edgebake.model.base import check_url
from edgebake.model.recipe import Build, Source, check_commit, check_git_url, check_sha256
from edgebake.resolve.resolution import Pin, Root

_CACHE_FOLDERS = {
    "ccache": "/root/.cache/ccache",
    "cargo": "/root/.cargo/registry",
    "go": "/root/.cache/go-build",
    "npm": "/root/.npm",
    "pip": "/root/.cache/pip",
}

_WORD = re.compile(r"[A-Za-z0-9._~:/@%+&=?-]*")
_PLAIN = re.compile(r"[A-Za-z0-9._+@/-]+")

TargetTools = Callable[[ImagePlan, Pin, Build], Node]


class BuildHalves:
    """Makes the build and artifact stages of recipes.

    Args:
        stages: adds stages to the graph.
        installer: gives tools on the build platform.
        target_tools: gives the line with a build half's tools on the target platform.
    """

    def __init__(self, stages: StageFactory, installer: Installer, target_tools: TargetTools) -> None:
        self._stages = stages
        self._installer = installer
        self._target_tools = target_tools
        self._artifacts: dict[tuple[object, ...], Node] = {}

    def artifact(self, plan: ImagePlan, name: str) -> Node:
        """Return the stage with what a recipe's build half leaves, on scratch."""
        key = (name, *_made_of(plan, name))
        if key not in self._artifacts:
            self._artifacts[key] = self._artifact(plan, name)
        return self._artifacts[key]

    def _artifact(self, plan: ImagePlan, name: str) -> Node:
        stages = self._stages
        pins = {p: pin for p in plan.platforms if (pin := plan.resolutions[p].pins.get(name)) is not None}
        built = {
            platform: self._body(plan, pins[platform], platform) if platform in pins else Body("", "", empty=True)
            for platform in plan.platforms
        }
        native = all(pin.recipe.build and pin.recipe.build.runs_on == "build-platform" for pin in pins.values())
        build = stages.add("build", name, f"{title_of(pins)}: build", built, native=native, pins=pins)
        text = stages.templates.render("stages/artifact.Dockerfile.j2", stage=reference(build.id), path="/out")
        bodies = {p: Body("", text) if p in pins else Body("", "", empty=True) for p in plan.platforms}
        title = f"{title_of(pins)}: artifact"
        return stages.add("artifact", f"{name}-artifact", title, bodies, native=native, pins=pins)

    def _body(self, plan: ImagePlan, pin: Pin, platform: str) -> Body:
        build = pin.recipe.build
        assert build is not None
        stages, view = self._stages, plan.views[platform, pin.name]
        native = build.runs_on == "build-platform"
        libraries = _libraries(plan, pin, platform)
        shared = (p for library in libraries for p in plan.views[platform, library.name].sysroot_apt)
        apt = sorted({*view.build_apt, *shared})
        reads = stages.context.reads()
        values = {
            "apt": [] if native else apt,
            "arch": "TARGETARCH",
            "os": stages.os,
            "refresh": stages.refresh,
            "sysroot": reference(self._sysroot(plan, pin, apt).id) if native and apt else "",
            "artifacts": self._library_artifacts(plan, platform, libraries, "/sysroot" if native else ""),
            "sources": [
                _Sources(stages, view, index).values(source, reads) for index, source in enumerate(build.sources)
            ],
            "script": script_path(reads, view, build.script, ("build", "script")),
            "caches": [(f"eb-{cache}-{stages.target.name}", _CACHE_FOLDERS[cache]) for cache in build.caches],
            "runs_on": build.runs_on,
            "native": native,
            "timeout": build.timeout,
            "variables": _variables(view, build),
        }
        text = stages.text("build", view, build.dockerfile, ("build", "dockerfile"), values, reads)
        return Body(self._tools(plan, pin, build).id, text, reads.inputs, told_parts(view, values))

    def _tools(self, plan: ImagePlan, pin: Pin, build: Build) -> Node:
        if build.runs_on == "target-platform":
            return self._target_tools(plan, pin, build)
        return self._installer.tools(tools_of(pin, build), plan.platforms, what=f"the build half of {pin.name!r}")

    def _library_artifacts(
        self, plan: ImagePlan, platform: str, libraries: Sequence[Pin], root: str
    ) -> list[tuple[str, str, str]]:
        """Return stage, path in it and place of what the libraries' own build halves leave."""
        return [
            (reference(self.artifact(plan, library.name).id), source, root + dest)
            for library in libraries
            if library.recipe.build
            for source, dest in plan.views[platform, library.name].artifacts
        ]

    def _sysroot(self, plan: ImagePlan, pin: Pin, apt: Sequence[str]) -> Node:
        """Return the stage with the target's development packages, unpacked on the build platform."""
        stages = self._stages
        reads = stages.context.reads()
        helper = stages.helper(reads)
        values = {"apt": apt, "os": stages.os, "refresh": stages.refresh, "helper": helper}
        text = stages.templates.render("stages/sysroot.Dockerfile.j2", **values)
        parent = stages.native(plan.platforms)
        body = Body(parent.id, text, reads.inputs, (("sysroot.apt", " ".join(apt)),))
        title = f"{pin.title}: libraries for the target"
        return stages.add("sysroot", pin.name, title, same(plan.platforms, body), native=True)


def tools_of(pin: Pin, build: Build) -> list[Root]:
    """Return a build half's tools, each with its place in the recipe."""
    document = pin.loaded.document
    return [Root(tool, (document, ("build", "tools", index))) for index, tool in enumerate(build.tools)]


def _made_of(plan: ImagePlan, name: str) -> Iterator[object]:
    """Yield all that a recipe's artifact follows from: the platforms, and the recipes that it is compiled with."""
    for platform in plan.platforms:
        yield platform
        pin = plan.resolutions[platform].pins.get(name)
        for one in [pin, *_libraries(plan, pin, platform)] if pin else ():
            yield plan.views[platform, one.name]


def _libraries(plan: ImagePlan, pin: Pin, platform: str) -> list[Pin]:
    """Return what a build half is compiled against, with all that these need; by depth, then by name.

    BuildKit merges a stage's copies one after the other: what is finished last comes last, so that little is left
    to do when it is (docs/benchmarks.md).
    """
    pins = plan.resolutions[platform].pins
    depths: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in depths:
            depths[name] = 1 + max((depth(need) for need in pins[name].requires), default=0)
        return depths[name]

    for name in pin.libraries:
        depth(name)
    return [pins[name] for name in sorted(depths, key=lambda name: (depths[name], name))]


def _variables(view: RecipeView, build: Build) -> dict[str, str]:
    named = view.script_variables(build.script) if build.script else view.args
    return dict(sorted({**named, **view.build_env()}.items()))


class _Sources:
    """What the template needs to know of one source."""

    def __init__(self, stages: StageFactory, view: RecipeView, index: int) -> None:
        self._stages = stages
        self._view = view
        self._place = ("build", "sources", index)

    def values(self, source: Source, reads: Reads) -> dict[str, str]:
        """Return path, git or url of a source, and where it goes."""
        if not _PLAIN.fullmatch(source.to):
            raise EdgebakeError(
                f"to: {source.to!r} may have letters, digits and . _ + @ - / only",
                at=self._view.at((*self._place, "to")),
            )
        dest = "/src" if source.to == "." else f"/src/{source.to}"
        empty = {"path": "", "git": "", "url": "", "dest": dest}
        if source.path is not None:
            loaded = self._view.pin.loaded
            path = reads.file(loaded, source.path, self._view.position_getter((*self._place, "path")))
            is_file = (loaded.folder / source.path).is_file()
            return {**empty, "path": path, "dest": f"{dest}/" if is_file else dest}
        if source.url is not None:
            url, digest = self._word(source, "url", check_url), self._text(source, "sha256", check_sha256)
            return {**empty, "url": url, "sha256": digest, "dest": f"{dest}/"}
        url, ref = self._word(source, "git", check_git_url), self._word(source, "ref")
        pinned = self._stages.lock.commit(url, ref) if self._stages.lock else None
        if url.startswith(("http://", "https://")) and not url.endswith(".git"):
            url += ".git"  # BuildKit takes any other address for a file, and downloads a page without a word
        return {**empty, "git": url, "commit": self._text(source, "commit", check_commit) or pinned or ref}

    def _word(self, source: Source, field: str, check: Callable[[str], str] = str) -> str:
        """Return an address or a ref, which stands on an ADD line as it is.

        Raises:
            EdgebakeError: it has a character that an ADD line would not take as it is.
        """
        text = self._text(source, field, check)
        if not _WORD.fullmatch(text):
            raise EdgebakeError(
                f"{text!r} cannot be fetched: letters, digits and . _ ~ : / @ % + & = ? - are possible",
                at=self._view.at((*self._place, field)),
                hints=("write a ref as `ref`, not behind '#'", "encode other characters as %XX"),
            )
        return text

    def _text(self, source: Source, field: str, check: Callable[[str], str]) -> str:
        value = getattr(source, field)
        return self._view.checked(value, (*self._place, field), check) if value else ""
