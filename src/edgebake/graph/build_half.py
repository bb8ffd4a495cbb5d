"""Build halves: what compiles, off the image's line, and ends in an artifact stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from edgebake.errors import EdgebakeError
from edgebake.graph.context import BuildContext
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import Add, Arg, Bind, Cache, Command, Copy, Mount, Op, Raw, Run, Secret, Ssh, Workdir
from edgebake.graph.stages import StageFactory, parts_of, same, script_of, title_of
from edgebake.graph.steps import RUN_FOLDER, copy, quiet_apt
from edgebake.graph.view import RecipeView
from edgebake.model.base import check_url
from edgebake.model.recipe import Build, Source, check_commit, check_git_url, check_sha256
from edgebake.model.secret import git_secret, is_header
from edgebake.resolve.resolution import Pin, Root

_CACHE_FOLDERS = {
    "ccache": "/root/.cache/ccache",
    "cargo": "/root/.cargo/registry",
    "go": "/root/.cache/go-build",
    "npm": "/root/.npm",
    "pip": "/root/.cache/pip",
}

_GIT_PACKAGES = ("ca-certificates", "git")
# All of these document clone addresses with .git, and redirect or accept those without.
_WITH_SUFFIX = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_SYSROOT = "/sysroot"
_ARGUMENTS = Arg(("BUILDARCH", "TARGETARCH"))

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
        built = {p: self._body(plan, pins[p], p) if p in pins else Stage(empty=True) for p in plan.platforms}
        native = all(pin.recipe.build and pin.recipe.build.runs_on == "build-platform" for pin in pins.values())
        build = stages.add("build", name, f"{title_of(pins)}: build", built, native=native, pins=pins)
        ops = Operations([copy("/out", "/", build.ref)])
        bodies = {p: Stage(ops=ops) if p in pins else Stage(empty=True) for p in plan.platforms}
        title = f"{title_of(pins)}: artifact"
        return stages.add("artifact", f"{name}-artifact", title, bodies, native=native, pins=pins)

    def _body(self, plan: ImagePlan, pin: Pin, platform: str) -> Stage:
        build = pin.recipe.build
        assert build is not None
        stages, view = self._stages, plan.views[platform, pin.name]
        native = build.runs_on == "build-platform"
        libraries = libraries_of(plan, pin, platform)
        shared = (p for library in libraries for p in plan.views[platform, library.name].sysroot_apt)
        apt = sorted({*view.build_apt, *shared})
        sysroot = self._sysroot(plan, pin, apt) if native and apt else None
        sections = {
            "apt": (_ARGUMENTS, *stages.steps.apt(() if native else apt, "TARGETARCH")),
            "libraries": tuple(self._copied_libraries(plan, platform, libraries, sysroot, native=native)),
            "sources": tuple(self._fetched_sources(plan, view, build)),
            "script": self._script(view, build),
        }
        ops = stages.operations(view, build.dockerfile, ("build", "dockerfile"), sections, {"sysroot": sysroot})
        ops = _with_needs(ops, build)
        parts = parts_of(
            view,
            apt=not native and apt,
            sources=build.sources and Operations(sections["sources"]).digest,
            variables=_variables(view, build),
            timeout=build.timeout,
            secrets=build.secrets,
            ssh=build.ssh,
        )
        return Stage(self._tools(plan, pin, build).ref, ops, parts=parts)

    def _tools(self, plan: ImagePlan, pin: Pin, build: Build) -> Node:
        if build.runs_on == "target-platform":
            return self._target_tools(plan, pin, build)
        return self._installer.tools(tools_of(pin, build), plan.platforms, what=f"the build half of {pin.name!r}")

    def _copied_libraries(
        self, plan: ImagePlan, platform: str, libraries: Sequence[Pin], sysroot: Node | None, *, native: bool
    ) -> Iterator[Op]:
        """Yield copies of the development packages' files, and of what the libraries' own build halves leave."""
        if sysroot is not None:
            yield copy(_SYSROOT, _SYSROOT, sysroot.ref)
        for library in libraries:
            if library.recipe.build:
                artifact = self.artifact(plan, library.name).ref
                for source, dest in plan.views[platform, library.name].artifacts:
                    yield copy(source, f"{_SYSROOT}{dest}" if native else dest, artifact)

    def _fetched_sources(self, plan: ImagePlan, view: RecipeView, build: Build) -> Iterator[Op]:
        for index, source in enumerate(build.sources):
            one = _Source(self._stages.context, view, index)
            nameless = one.nameless(source)
            if nameless is None:
                yield one.fetched(source)
            else:
                stage = self._checkout(plan, view, *nameless)
                yield copy("/out", one.dest(source), stage.ref)
        if build.sources:
            yield Workdir("/src")

    def _checkout(self, plan: ImagePlan, view: RecipeView, url: str, commit: str) -> Node:
        """Return the stage with a git repository that BuildKit would take for a file, fetched by git itself."""
        stages, steps = self._stages, self._stages.steps
        tool = Operations([Arg(("BUILDARCH",)), *steps.apt(_GIT_PACKAGES, "BUILDARCH")])
        native = stages.native(plan.platforms)
        git = stages.add("tool", "git", "git", same(plan.platforms, Stage(native.ref, tool)), native=True)
        helper = steps.helper("fetch-git.sh")
        name = git_secret(url, stages.context.secrets)
        login = f"/run/secrets/git-{'header' if name and is_header(name) else 'token'}"
        mounts = (Secret(name, login, "0400", required=True),) if name else ()
        run = steps.online(Run((Command(("bash", helper.target, url, commit)),), (helper, *mounts)))
        title = f"{view.pin.title}: {url}"
        body = Stage(git.ref, Operations([run]), parts=(("source", f"{url}#{commit}"),))
        return stages.add("source", f"{view.pin.name}-source", title, same(plan.platforms, body), native=True)

    def _script(self, view: RecipeView, build: Build) -> tuple[Op, ...]:
        """Return the run of the build script, with what a compiler needs to know."""
        if build.script is None:
            return ()
        steps = self._stages.steps
        runner, target = steps.helper("run-build.sh"), f"{RUN_FOLDER}/build.sh"
        source = script_of(self._stages.context, view, build.script, ("build", "script"))
        caches = (Cache(f"eb-{one}-{self._stages.target.name}", _CACHE_FOLDERS[one]) for one in build.caches)
        sysroot = _SYSROOT if build.runs_on == "build-platform" else "/"
        facts = {"RUNS_ON": build.runs_on, "SYSROOT": sysroot}
        env = {**facts, **_variables(view, build), **quiet_apt(view, build.script)}
        run = Run(
            (Command(("bash", runner.target, target)),),
            (runner, Bind(source, target), *caches, *_given(build)),
            tuple(env.items()),
            build.timeout,
        )
        return (steps.online(run),)

    def _sysroot(self, plan: ImagePlan, pin: Pin, apt: Sequence[str]) -> Node:
        """Return the stage with the target's development packages, unpacked on the build platform."""
        stages = self._stages
        steps, parent = stages.steps, stages.native(plan.platforms)
        helper = steps.helper("fetch-sysroot.sh")
        cache = Cache(f"eb-sysroot-{steps.os}-${{TARGETARCH}}", "/var/cache/eb-sysroot", locked=True)
        run = Run((Command(("bash", helper.target), tuple(apt)),), (helper, cache))
        body = Stage(
            parent.ref, Operations([_ARGUMENTS, *steps.refresh(), run]), parts=(("sysroot.apt", " ".join(apt)),)
        )
        title = f"{pin.title}: libraries for the target"
        return stages.add("sysroot", pin.name, title, same(plan.platforms, body), native=True)


def _given(build: Build) -> Iterator[Mount]:
    """Yield the mounts of the secrets and keys that a build script uses."""
    for secret in build.secrets:
        yield Secret(secret.id, secret.target or "", "0400", required=True)
    yield from (Ssh(name, required=True) for name in build.ssh)


def _with_needs(ops: Operations, build: Build) -> Operations:
    """Return a build half's steps; a template of the recipe's own mounts the secrets and keys in its text."""
    if build.dockerfile is None or not (build.secrets or build.ssh):
        return ops
    secrets = tuple(secret.id for secret in build.secrets)
    return Operations(replace(op, secrets=secrets, ssh=build.ssh) if isinstance(op, Raw) else op for op in ops)


def tools_of(pin: Pin, build: Build) -> list[Root]:
    """Return a build half's tools, each with its place in the recipe."""
    document = pin.loaded.document
    return [Root(tool, (document, ("build", "tools", index))) for index, tool in enumerate(build.tools)]


def _made_of(plan: ImagePlan, name: str) -> Iterator[object]:
    """Yield all that a recipe's artifact follows from: the platforms, and the recipes that it is compiled with."""
    for platform in plan.platforms:
        yield platform
        pin = plan.resolutions[platform].pins.get(name)
        for one in [pin, *libraries_of(plan, pin, platform)] if pin else ():
            yield plan.views[platform, one.name]


def libraries_of(plan: ImagePlan, pin: Pin, platform: str) -> list[Pin]:
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


def _takes_suffix(url: str) -> bool:
    """Tell whether a server is known to have its repositories with and without .git: BuildKit's ADD needs it."""
    return urlsplit(url).hostname in _WITH_SUFFIX


class _Source:
    """One source of a build half."""

    def __init__(self, context: BuildContext, view: RecipeView, index: int) -> None:
        self._context = context
        self._view = view
        self._place = ("build", "sources", index)

    def dest(self, source: Source) -> str:
        """Return where the source goes.

        Raises:
            EdgebakeError: the path has a character that is not possible.
        """
        if not _PLAIN.fullmatch(source.to):
            raise EdgebakeError(
                f"to: {source.to!r} may have letters, digits and . _ + @ - / only",
                at=self._view.at((*self._place, "to")),
            )
        return "/src" if source.to == "." else f"/src/{source.to}"

    def nameless(self, source: Source) -> tuple[str, str] | None:
        """Return a git source's address and commit if BuildKit would take it for a file; else None.

        Raises:
            EdgebakeError: a value of it is wrong, or no commit is known: BuildKit keeps what a step has fetched.
        """
        url = self._word(source, "git", check_git_url)
        if not url.startswith(("http://", "https://")) or url.endswith(".git") or _takes_suffix(url):
            return None
        commit, ref = self._commit(source, url)
        if not commit:
            raise EdgebakeError(
                f"{url} at {ref!r} is not locked",
                at=self._view.at((*self._place, "git")),
                reason="a repository without .git in its address is fetched by commit only",
                hints=("run: edgebake lock", "or name the commit: 40 hexadecimal digits"),
            )
        return url, commit

    def fetched(self, source: Source) -> Op:
        """Return what puts the source into the stage.

        Raises:
            EdgebakeError: a value of it is wrong, or its file is missing.
        """
        dest = self.dest(source)
        if source.path is not None:
            loaded = self._view.pin.loaded
            found = self._context.file(loaded, source.path, self._view.position_getter((*self._place, "path")))
            is_file = (loaded.folder / source.path).is_file()
            return Copy((found,), f"{dest}/" if is_file else dest, link=False)
        if source.url is not None:
            digest = self._text(source, "sha256", check_sha256)
            return Add(self._word(source, "url", check_url), f"{dest}/", digest)
        return Add(self._git(source), dest)

    def _git(self, source: Source) -> str:
        url = self._word(source, "git", check_git_url)
        commit, ref = self._commit(source, url)
        suffix = ".git" if _takes_suffix(url) and not url.endswith(".git") else ""
        return f"{url}{suffix}#{commit or ref}"

    def _commit(self, source: Source, url: str) -> tuple[str, str]:
        """Return the commit of a git source, "" if none is known, and its ref."""
        ref, lock = self._word(source, "ref"), self._context.lock
        pinned = lock.commit(url, ref) if lock else None
        return self._text(source, "commit", check_commit) or pinned or "", ref

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
