"""From resolutions to the build graph: build and install stages, and lines merged into a trie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.context import ContextPaths
from edgebake.graph.node import SELF, Body, Input, Kind, Node, node_id, reference
from edgebake.graph.order import install_order
from edgebake.graph.python_env import PythonEnv
from edgebake.graph.view import RecipeView
from edgebake.load.catalogue import Catalogue
from edgebake.model.lock import Lock
from edgebake.model.project import Image
from edgebake.model.recipe import Source
from edgebake.model.requirement import Requirement
from edgebake.model.target import Target
from edgebake.render.stages import StageTemplates
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.resolution import Pin, Resolution, Root, resolve

USER = "app"
FETCH_TOOLS = (Requirement("python"), Requirement("pip-fetch"))
_CACHE_FOLDERS = {
    "ccache": "/root/.cache/ccache",
    "cargo": "/root/.cargo/registry",
    "go": "/root/.cache/go-build",
    "npm": "/root/.npm",
    "pip": "/root/.cache/pip",
}


@dataclass(frozen=True)
class ImagePlan:
    """An image on one target: its resolution and Python environment on each platform, and its line."""

    name: str
    image: Image
    target: Target
    resolutions: Mapping[str, Resolution]
    python: Mapping[str, PythonEnv]
    line: tuple[str, ...]
    views: Mapping[tuple[str, str], RecipeView]

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(self.resolutions)


class TargetLowering:
    """Adds the stages of one target's images to the graph.

    Args:
        graph: what the stages are added to.
        target: the target.
        catalogue: where build tools are found.
        templates: renders the stages.
        context: finds what they read.
        lock: pins git refs; None if the project has no lock.
        users: names of the users that the target's images run as.
    """

    def __init__(
        self,
        graph: BuildGraph,
        target: Target,
        catalogue: Catalogue,
        templates: StageTemplates,
        context: ContextPaths,
        lock: Lock | None,
    ) -> None:
        self.graph = graph
        self.target = target
        self.templates = templates
        self.context = context
        self.lock = lock
        self.catalogue = catalogue
        self.os = target.os.replace(":", "-")
        self.refresh = lock.refresh if lock else 0
        self._tool_lines: dict[tuple[str, ...], Node] = {}
        self._bodies: dict[object, Body] = {}

    # ── the roots

    def base(self, platforms: Sequence[str], *, user: bool) -> Node:
        """Return the stage that images start from, with the user that they run as."""
        text = self.templates.render("stages/base.Dockerfile.j2", user=USER if user else "")
        return self._add(
            "base", "base" if user else "base-root", self.target.base.image, _same(platforms, "", text)
        )

    def native(self, platforms: Sequence[str]) -> Node:
        """Return the stage that all that runs on the build platform starts from."""
        text = self.templates.render("stages/native.Dockerfile.j2")
        title = f"{self.target.base.native or self.target.base.image} on the build platform"
        return self._add("native", "native", title, _same(platforms, "", text), native=True)

    def wheelhouse(self, platforms: Sequence[str]) -> Node:
        """Return the empty stage that the `wheelhouse` setting puts a folder in place of."""
        bodies = _same(platforms, "", "WORKDIR /")
        return self._add("artifact", "wheelhouse", "wheels of your own, if there are any", bodies, native=True)

    def _add(
        self,
        kind: Kind,
        label: str,
        title: str,
        bodies: dict[str, Body],
        *,
        native: bool = False,
        pins: Mapping[str, Pin] | None = None,
    ) -> Node:
        identity = node_id(kind, label, bodies)
        node = Node(identity, kind, self.target.name, label, title, bodies, native, dict(pins or {}))
        return self.graph.add(node)

    # ── an image

    def image(self, plan: ImagePlan) -> tuple[Node, Node | None]:
        """Add an image's stages. Return the one that is shipped, and the one of its tests if it has any."""
        user = self._runtime(plan, "user") or USER
        parent = self.base(plan.platforms, user=user != "root")
        for name in plan.line:
            parent = self._install(plan, name, parent)
        image = self._image(plan, parent, user)
        return image, self._tests(plan, image)

    def _install(self, plan: ImagePlan, name: str, parent: Node) -> Node:
        """Add one recipe to an image's line, with its build half and its wheels."""
        bodies, pins = {}, {}
        for platform in plan.platforms:
            pin = plan.resolutions[platform].pins.get(name)
            if pin is None or name not in plan.resolutions[platform].installed:
                bodies[platform] = Body(parent.id, "", empty=True)
                continue
            pins[platform] = pin
            artifact = self._artifact(plan, name) if pin.recipe.build else None
            wheels = self._wheels(plan, name)
            bodies[platform] = self._install_body(plan, pin, platform, parent, artifact, wheels)
        return self._add("install", name, _title(pins), bodies, pins=pins)

    def _install_body(
        self, plan: ImagePlan, pin: Pin, platform: str, parent: Node, artifact: Node | None, wheels: Node | None
    ) -> Body:
        view = plan.views[platform, pin.name]
        env = plan.python[platform]
        pip = [] if env.locked else view.pip
        constraints = self._constraints(plan, platform) if pip else ("", "")
        key = ("install", platform, pin.candidate, pin.flavours, artifact, wheels, constraints)
        if key not in self._bodies:
            has_wheels = wheels is not None and not wheels.bodies[platform].empty
            self._bodies[key] = self._render_install(
                view,
                native=False,
                artifact=artifact,
                wheels=wheels if has_wheels else None,
                pip=pip,
                constraints=constraints,
                platforms=plan.platforms,
            )
        return _continue(self._bodies[key], parent)

    def _constraints(self, plan: ImagePlan, platform: str) -> tuple[str, str]:
        """Return the name and the text of an unlocked image's constraints file."""
        texts = {p: "\n".join(env.constraints) + "\n" for p, env in plan.python.items()}
        same = len(set(texts.values())) == 1
        return (plan.name if same else f"{plan.name}.{platform.split('/')[1]}"), texts[platform]

    def _render_install(
        self,
        view: RecipeView,
        *,
        native: bool,
        platforms: Sequence[str],
        artifact: Node | None = None,
        wheels: Node | None = None,
        pip: Sequence[str] = (),
        constraints: tuple[str, str] = ("", ""),
    ) -> Body:
        loaded, install = view.pin.loaded, view.recipe.install
        files = [
            (self.context.file(loaded, source, view.teller(("install", "files", source))), dest)
            for source, dest in view.rendered(install.files, ("install", "files")).items()
        ]
        script = self._script(view, install.script, ("install", "script"))
        arch = "BUILDARCH" if native else "TARGETARCH"
        owner, text = constraints
        values = {
            "apt": view.apt,
            "arch": arch,
            "os": self.os,
            "refresh": self.refresh,
            "wheels": reference(wheels.id) if wheels else "",
            "artifact": reference(artifact.id) if artifact else "",
            "artifacts": sorted(install.artifacts.items()) if artifact else [],
            "files": files,
            "path": install.path,
            "env": view.env,
            "pip": pip,
            "pip_index": view.pip_index if pip else [],
            "pip_stage": reference(self._fetch_tools(platforms).id) if pip else "",
            "wheelhouse": reference(self.wheelhouse(platforms).id) if pip else "",
            "constraints": self.context.generated(f"{self.target.name}/constraints/{owner}.txt", text)
            if text
            else "",
            "script": script,
            "build_args": self._build_args(view, arch),
            "variables": view.script_variables(install.script) if install.script else {},
            "helper": self._helper,
        }
        text = self._text("install", view, install.dockerfile, ("install", "dockerfile"), values)
        return Body("", text, self.context.take(), _parts(view, values))

    def _build_args(self, view: RecipeView, arch: str) -> list[str]:
        """Return the build arguments that an install stage uses: one that it does not use would only split it."""
        script = view.recipe.install.script
        named = view.named_in(script, ("BUILDARCH", "TARGETARCH")) if script else set()
        return sorted(named | ({arch} if view.apt else set()))

    def _text(
        self, kind: str, view: RecipeView, own: str | None, location: tuple[str, ...], values: Mapping[str, object]
    ) -> str:
        """Return a half's text: from the recipe's own template, if it brings one."""
        if own is None:
            return self.templates.render(f"stages/{kind}.Dockerfile.j2", **values)
        path = view.pin.loaded.folder / own
        at = view.at(location)
        if not path.is_file():
            raise EdgebakeError(f"the recipe {view.pin.name!r} has no file {own!r}", at=at)

        def file(name: str) -> str:
            return self.context.file(view.pin.loaded, name, lambda: at, plain=True)

        scope = {**view.scope, **values, "file": file}
        return self.templates.render_own(path.read_text(encoding="utf-8"), scope, type(at)(str(path)))

    def _script(self, view: RecipeView, script: str | None, location: tuple[str, ...]) -> str:
        if script is None:
            return ""
        return self.context.file(view.pin.loaded, script, view.teller(location), plain=True)

    def _helper(self, name: str) -> str:
        return self.context.helper(self.templates.helper(name))

    # ── wheels

    def _wheels(self, plan: ImagePlan, name: str) -> Node | None:
        """Return the artifact stage of a recipe's wheels, fetched on the build platform; None if it has none."""
        lines = {p: env.requirements[name] for p, env in plan.python.items() if name in env.requirements}
        if not lines:
            return None
        tools, house = self._fetch_tools(plan.platforms), self.wheelhouse(plan.platforms)
        fetched, artifacts = {}, {}
        pins = {p: plan.resolutions[p].pins[name] for p in lines}
        for platform in plan.platforms:
            fetched[platform] = self._fetch_body(tools, house, platform, lines.get(platform))
        fetch = self._add("fetch", name, f"{_title(pins)}: wheels", fetched, native=True, pins=pins)
        text = self.templates.render("stages/artifact.Dockerfile.j2", stage=reference(fetch.id), path="/out")
        for platform in plan.platforms:
            empty = platform not in lines
            artifacts[platform] = Body("", "" if empty else text, empty=empty)
        return self._add("artifact", f"{name}-wheels", f"{_title(pins)}: wheels", artifacts, native=True, pins=pins)

    def _fetch_body(self, tools: Node, house: Node, platform: str, lines: tuple[str, ...] | None) -> Body:
        if lines is None:
            return Body(tools.id, "", empty=True)
        content = "\n".join(lines) + "\n"
        stem = f"{self.target.name}/requirements/{SELF}"
        arch = platform.split("/")[1]
        values = {
            "requirements": f"{self.context.output}/{stem}",
            "wheelhouse": reference(house.id),
            "python": self.target.python,
            "glibc": self.target.glibc,
            "helper": self._helper,
        }
        text = self.templates.render("stages/fetch.Dockerfile.j2", **values)
        self.context.generated(f"{stem}.{arch}.txt", content)
        return Body(tools.id, text, self.context.take(), (("pip", content),))

    def _fetch_tools(self, platforms: Sequence[str]) -> Node:
        return self._tools(FETCH_TOOLS, platforms, what="fetching wheels")

    # ── build halves

    def _artifact(self, plan: ImagePlan, name: str) -> Node:
        """Return the stage with what a recipe's build half leaves."""
        bodies, pins, built = {}, {}, {}
        for platform in plan.platforms:
            pin = plan.resolutions[platform].pins.get(name)
            if pin is None:
                built[platform] = Body("", "", empty=True)
                continue
            pins[platform] = pin
            built[platform] = self._build_body(plan, pin, platform)
        native = all(pin.recipe.build and pin.recipe.build.runs_on == "build-platform" for pin in pins.values())
        build = self._add("build", name, f"{_title(pins)}: build", built, native=native, pins=pins)
        text = self.templates.render("stages/artifact.Dockerfile.j2", stage=reference(build.id), path="/out")
        for platform in plan.platforms:
            bodies[platform] = Body("", text if platform in pins else "", empty=platform not in pins)
        return self._add(
            "artifact", f"{name}-artifact", f"{_title(pins)}: artifact", bodies, native=native, pins=pins
        )

    def _build_body(self, plan: ImagePlan, pin: Pin, platform: str) -> Body:
        build = pin.recipe.build
        assert build is not None
        view = plan.views[platform, pin.name]
        native = build.runs_on == "build-platform"
        if native:
            parent = self._tools(build.tools, plan.platforms, what=f"tools of the recipe {pin.name!r}")
        else:
            parent = self._target_tools(plan, pin, platform)
        libraries = self._libraries(plan, pin, platform)
        artifacts = [
            (reference(self._artifact(plan, library.name).id), source, ("/sysroot" if native else "") + dest)
            for library in libraries
            if library.recipe.build
            for source, dest in sorted(library.recipe.install.artifacts.items())
        ]
        apt = sorted({p for lib in libraries for p in plan.views[platform, lib.name].sysroot_apt})
        values = {
            "apt": [] if native else apt,
            "arch": "TARGETARCH",
            "os": self.os,
            "refresh": self.refresh,
            "sysroot": reference(self._sysroot(plan, pin, apt).id) if native and apt else "",
            "artifacts": artifacts,
            "sources": [self._source(view, s, i) for i, s in enumerate(build.sources)],
            "script": self._script(view, build.script, ("build", "script")),
            "caches": [(f"eb-{c}-{self.target.name}", _CACHE_FOLDERS[c]) for c in build.caches],
            "runs_on": build.runs_on,
            "native": native,
            "timeout": build.timeout,
            "variables": self._build_variables(view),
            "helper": self._helper,
        }
        text = self._text("build", view, build.dockerfile, ("build", "dockerfile"), values)
        return Body(parent.id, text, self.context.take(), _parts(view, values))

    def _build_variables(self, view: RecipeView) -> dict[str, str]:
        build = view.recipe.build
        assert build is not None
        named = view.script_variables(build.script) if build.script else view.args
        return dict(sorted({**named, **view.build_env()}.items()))

    def _source(self, view: RecipeView, source: Source, index: int) -> dict[str, str]:
        place = ("build", "sources", index)

        def text(field: str) -> str:
            value = getattr(source, field)
            return view.text(value, (*place, field)) if value else ""

        dest = "/src" if source.to == "." else f"/src/{source.to}"
        if source.path is not None:
            path = self.context.file(view.pin.loaded, source.path, view.teller((*place, "path")))
            is_file = (view.pin.loaded.folder / source.path).is_file()
            return {"path": path, "dest": dest + "/" if is_file else dest, "git": "", "url": ""}
        if source.url is not None:
            return {"path": "", "git": "", "url": text("url"), "sha256": text("sha256"), "dest": dest + "/"}
        url, ref = text("git"), text("ref")
        pinned = text("commit") or (self.lock.commit(url, ref) if self.lock else None)
        return {"path": "", "url": "", "git": url, "commit": pinned or ref, "dest": dest}

    def _libraries(self, plan: ImagePlan, pin: Pin, platform: str) -> list[Pin]:
        """Return what a build half is compiled against, with all that these need, by name."""
        pins = plan.resolutions[platform].pins
        found: dict[str, Pin] = {}
        todo = sorted(pin.libraries)
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = pins[name]
                todo.extend(pins[name].requires)
        return [found[name] for name in sorted(found)]

    def _sysroot(self, plan: ImagePlan, pin: Pin, apt: Sequence[str]) -> Node:
        native = self.native(plan.platforms)
        text = self.templates.render("stages/sysroot.Dockerfile.j2", apt=apt, os=self.os, helper=self._helper)
        inputs = self.context.take()
        bodies = {p: Body(native.id, text, inputs, (("sysroot.apt", " ".join(apt)),)) for p in plan.platforms}
        return self._add("sysroot", pin.name, f"{pin.title}: libraries for the target", bodies, native=True)

    # ── tools

    def _tools(self, tools: Sequence[Requirement], platforms: Sequence[str], *, what: str) -> Node:
        """Return the end of the line that has `tools` on the build platform."""
        key = (*sorted(map(str, tools)), *platforms)
        if key not in self._tool_lines:
            # Rendering a stage must not begin another one's collection of inputs.
            held, self.context.inputs = self.context.inputs, []
            self._tool_lines[key] = self._tool_line(tools, platforms, what)
            self.context.inputs = held
        return self._tool_lines[key]

    def _tool_line(self, tools: Sequence[Requirement], platforms: Sequence[str], what: str) -> Node:
        pool = CandidatePool(self.catalogue, self.target, None)
        resolution = resolve(pool, [Root(tool) for tool in tools], what=what)
        parent = self.native(platforms)
        for name in install_order({"": resolution}):
            pin = resolution.pins[name]
            if pin.recipe.build is not None:
                raise EdgebakeError(
                    f"{what}: {name!r} compiles itself, and cannot be a tool on the build platform",
                    at=pin.loaded.document.at(("build",)),
                    hints=("let the build half that needs it say runs_on: target-platform",),
                )
            view = RecipeView(pin, self.target, None)
            body = self._render_install(view, native=True, pip=view.pip, platforms=platforms)
            bodies = {platform: _continue(body, parent) for platform in platforms}
            parent = self._add("tool", name, pin.title, bodies, native=True, pins=dict.fromkeys(platforms, pin))
        return parent

    def _target_tools(self, plan: ImagePlan, pin: Pin, platform: str) -> Node:
        """Return the end of the line that has a build half's tools on the target platform."""
        build = pin.recipe.build
        assert build is not None
        parent = self.base(plan.platforms, user=True)
        if not build.tools:
            return parent
        held, self.context.inputs = self.context.inputs, []
        roots = [Root(tool, None) for tool in build.tools]
        what = f"tools of the recipe {pin.name!r}"
        resolutions = {
            p: resolve(CandidatePool(self.catalogue, self.target, p), roots, what=what) for p in plan.platforms
        }
        views = {
            (p, name): RecipeView(r.pins[name], self.target, p) for p, r in resolutions.items() for name in r.pins
        }
        line = tuple(install_order(resolutions))
        envs = {
            p: PythonEnv({}, (), "tools")
            if any(views[p, n].pip for n in line if (p, n) in views)
            else PythonEnv({})
            for p in plan.platforms
        }
        tools = ImagePlan(f"{pin.name}-tools", plan.image, self.target, resolutions, envs, line, views)
        for name in line:
            parent = self._install(tools, name, parent)
        self.context.inputs = held
        return parent

    # ── the end of the line

    def _runtime(self, plan: ImagePlan, field: str) -> object:
        """Return a runtime setting: the image's, else that of the last recipe in the line that has it."""
        own = getattr(plan.image.runtime, field)
        if own is not None:
            return own
        recipes = (self._any_pin(plan, name).recipe for name in reversed(plan.line))
        return next((v for recipe in recipes if (v := getattr(recipe.runtime, field)) is not None), None)

    def _collected(self, plan: ImagePlan, field: str) -> list[str]:
        """Return a runtime list of all recipes and of the image, each value once, sorted."""
        recipes = (self._any_pin(plan, name).recipe for name in plan.line)
        found = {value for recipe in recipes for value in getattr(recipe.runtime, field)}
        return sorted(found | set(getattr(plan.image.runtime, field)), key=_port_order)

    def _any_pin(self, plan: ImagePlan, name: str) -> Pin:
        return next(r.pins[name] for r in plan.resolutions.values() if name in r.pins)

    def _image(self, plan: ImagePlan, parent: Node, user: object) -> Node:
        has_python = any(env.requirements or not env.locked for env in plan.python.values())
        gpu = any(self._any_pin(plan, name).recipe.runtime.gpu for name in plan.line) or plan.image.runtime.gpu
        entrypoint, cmd = self._entry(plan)
        text = self.templates.render(
            "stages/image.Dockerfile.j2",
            pip_stage=reference(self._fetch_tools(plan.platforms).id) if has_python else "",
            groups=self.target.groups if gpu and user != "root" else (),
            env=dict(sorted(plan.image.env.items())),
            labels=self._labels(plan),
            expose=self._collected(plan, "expose"),
            volumes=self._collected(plan, "volumes"),
            healthcheck=self._runtime(plan, "healthcheck"),
            stop_signal=self._runtime(plan, "stop_signal"),
            workdir=self._runtime(plan, "workdir"),
            user=user,
            entrypoint=entrypoint,
            cmd=cmd,
        )
        bodies = {platform: Body(parent.id, text, (), (("image", text),)) for platform in plan.platforms}
        return self._add("image", plan.name, plan.name, bodies)

    def _entry(self, plan: ImagePlan) -> tuple[object, object]:
        """Return entrypoint and cmd; both from one place, so that no program gets another's arguments."""
        own = plan.image.runtime
        if own.entrypoint is not None:
            return own.entrypoint, own.cmd
        recipes = [self._any_pin(plan, name).recipe.runtime for name in reversed(plan.line)]
        runtime = next((r for r in recipes if r.entrypoint is not None or r.cmd is not None), own)
        return runtime.entrypoint, own.cmd if own.cmd is not None else runtime.cmd

    def _labels(self, plan: ImagePlan) -> dict[str, str]:
        labels = {
            "org.opencontainers.image.title": plan.name,
            "org.opencontainers.image.base.name": self.target.base.image,
            "dev.edgebake.target": self.target.name,
        }
        if plan.image.summary:
            labels["org.opencontainers.image.description"] = plan.image.summary
        return dict(sorted({**labels, **plan.image.labels}.items()))

    def _tests(self, plan: ImagePlan, image: Node) -> Node | None:
        bodies: dict[str, Body] = {}
        for platform in plan.platforms:
            tests = [
                test
                for name in plan.line
                if name in plan.resolutions[platform].installed
                and (test := self._test(plan.views[platform, name])) is not None
            ]
            text = self.templates.render("stages/test.Dockerfile.j2", tests=tests)
            bodies[platform] = Body(image.id, text, self.context.take(), empty=not tests)
        if all(body.empty for body in bodies.values()):
            return None
        return self._add("test", plan.name, f"{plan.name}: tests", bodies)

    def _test(self, view: RecipeView) -> dict[str, object] | None:
        test = view.recipe.test
        if test is None or test.gpu:  # a build has no GPU; such a test runs in the image, on the board
            return None
        name = Path(test.script).name
        return {
            "title": view.pin.title,
            "script": self._script(view, test.script, ("test", "script")),
            "name": name,
            "files": [(self._script(view, file, ("test", "files")), file) for file in test.files],
            "timeout": test.timeout,
            "runner": "python3" if name.endswith(".py") else "bash -euo pipefail",
        }


def _same(platforms: Sequence[str], parent: str, text: str) -> dict[str, Body]:
    return {platform: Body(parent, text) for platform in platforms}


def _continue(body: Body, parent: Node) -> Body:
    return Body(parent.id, body.text, body.inputs, body.parts, body.empty)


def _title(pins: Mapping[str, Pin]) -> str:
    return " / ".join(dict.fromkeys(pin.title for pin in pins.values()))


def _port_order(value: str) -> tuple[int, str]:
    digits = value.split("/")[0]
    return (int(digits), value) if digits.isdigit() else (0, value)


_TOLD = ("apt", "pip", "pip_index", "env", "path", "artifacts", "sources", "variables", "timeout")


def _parts(view: RecipeView, values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return what the recipe gives to a stage, by field, so that a plan can say which field changed."""
    parts = [("release", view.pin.title)]
    parts += [(name, repr(values[name])) for name in _TOLD if values.get(name)]
    return tuple(parts)


def inputs_of(node: Node) -> tuple[Input, ...]:
    """Return what a stage reads from the build context on any platform, each once."""
    return tuple(dict.fromkeys(i for body in node.bodies.values() for i in body.inputs))
