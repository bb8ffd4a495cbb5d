"""Walks a plan's steps: writes files, checks the builder, bakes, verifies, remembers."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader, steps_of
from edgebake.execute.preflight import check_builder
from edgebake.execute.progress import Progress
from edgebake.graph.build_graph import Index
from edgebake.graph.names import base_variable
from edgebake.interrupt import raise_interrupt
from edgebake.observe.registry import NoAnswerError, look_up
from edgebake.plan.builder import Plan
from edgebake.plan.record import read_record, write_record
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, Remember, VerifyIndexes, WriteFiles
from edgebake.render.dockerfile import base_reference
from edgebake.render.mirrors import mirrored

LABEL = "dev.edgebake.fingerprint"


@dataclass(frozen=True)
class Settings:
    """How to execute, beside what the project says.

    Attributes:
        builder: a Buildx builder; the one in use if None.
        variables: variables of the bake file.
        overrides: `--set` of `docker buildx bake`: KEY=VALUE.
        mirrors: where repositories are fetched instead.
        no_cache: build everything again.
    """

    builder: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[str] = ()
    mirrors: Mapping[str, str] = field(default_factory=dict)
    no_cache: bool = False


@dataclass(frozen=True)
class Result:
    """One row of the summary: a bake target on a platform."""

    bake_target: str
    platform: str
    seconds: float
    built: int
    cached: int
    reference: str = ""
    digest: str = ""


class Executor:
    """Executes a plan.

    Args:
        plan: what to do.
        settings: how.
        progress: shows it.
        write: brings the generated files up to date.
    """

    def __init__(self, plan: Plan, settings: Settings, progress: Progress, write: Callable[[], object]) -> None:
        self._plan = plan
        self._settings = settings
        self._progress = progress
        self._write = write
        self.results: list[Result] = []

    def run(self) -> list[Result]:
        """Walk the steps.

        Raises:
            EdgebakeError: a step failed; nothing after it was begun.
        """
        raise_interrupt()
        for step in self._plan.steps:
            match step:
                case WriteFiles():
                    self._write()
                case CheckBuilder():
                    check_builder(step, self._settings.builder)
                case Bake():
                    self._bake(step)
                case VerifyIndexes():
                    self._verify(step)
                case MergeIndex(index):
                    self._merge(index)
                case Remember():
                    self._remember(step)
        return self.results

    # ── bake

    def _bake(self, step: Bake) -> None:
        from python_on_whales import DockerClient
        from python_on_whales.exceptions import DockerException

        reader = EventReader()
        with tempfile.TemporaryDirectory(prefix="edgebake-") as folder:
            metadata = Path(folder) / "metadata.json"
            try:
                logs = DockerClient().buildx.bake(
                    [target.name for target in step.bake_targets],
                    builder=self._settings.builder,
                    files=[self._bake_file()],
                    load=step.output == "load",
                    cache=not self._settings.no_cache,
                    set=self._overrides(step),
                    variables=self._variables(),
                    metadata_file=metadata,
                    progress="rawjson",  # type: ignore[arg-type]
                    stream_logs=True,
                )
                for line in logs:
                    self._progress.update(reader, reader.feed(str(line)))
            except DockerException as error:
                raise build_error(reader, error.stderr or "") from None
            except KeyboardInterrupt:
                _interrupt_children()
                raise
            finally:
                self._progress.close()
            found = json.loads(metadata.read_text(encoding="utf-8")) if metadata.is_file() else {}
        self.results += self._rows(step, reader, found)

    def _bake_file(self) -> str:
        project = self._plan.compilation.workspace.project
        return f"{project.output}/docker-bake.{project.formats[0]}"

    def _overrides(self, step: Bake) -> dict[str, str]:
        overrides: dict[str, str] = {}
        tags = dict(step.tags)
        for bake_target in step.bake_targets:
            name = bake_target.name
            if bake_target.is_test:
                overrides[f"{name}.platform"] = ",".join(step.platforms)
                continue
            if step.output == "push":
                # The engine's own driver pushes Docker's older media types unless it is told. `--push` beside this
                # would be lost now and then: Buildx applies overrides in no fixed order.
                overrides[f"{name}.output"] = "type=image,oci-mediatypes=true,push=true"
            target = self._plan.target(name)
            for platform, digest in target.fingerprints:
                overrides[f"{name}.labels.{LABEL}.{platform.replace('/', '-')}"] = f"sha256:{digest}"
            if not target.complete:
                overrides[f"{name}.platform"] = ",".join(step.platforms)
                overrides[f"{name}.tags"] = f"{self._registry()}/{bake_target.repository}:{tags[name]}"
        for text in self._settings.overrides:
            key, separator, value = text.partition("=")
            if not separator:
                raise EdgebakeError(f"--set {text!r} is not KEY=VALUE", hints=("for example --set '*.args.A=b'",))
            overrides[key] = value
        return overrides

    def _registry(self) -> str:
        return self._settings.variables.get("REGISTRY") or self._plan.compilation.workspace.project.registry

    def _variables(self) -> dict[str, str]:
        compilation = self._plan.compilation
        mirrors = {**compilation.workspace.project.mirrors, **self._settings.mirrors}
        variables = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0"}  # the bake file is ours; what it reads is what was asked
        for name, target in compilation.targets.items():
            base = mirrored(base_reference(compilation, target.base.image), mirrors)
            variables[base_variable(name)] = base
            if target.base.native:
                native = mirrored(base_reference(compilation, target.base.native), mirrors)
                variables[f"NATIVE_{base_variable(name)}"] = native
        return {**variables, **self._settings.variables}

    def _rows(self, step: Bake, reader: EventReader, metadata: Mapping[str, Any]) -> list[Result]:
        rows = []
        steps = list(reader.steps.values())
        for target in step.bake_targets:
            found = metadata.get(target.name, {})
            for platform in step.platforms:
                # A build of one platform does not name it, one of one bake target may not name that.
                labels = [target.name] if len(step.bake_targets) > 1 else []
                labels += [platform] if len(step.platforms) > 1 else []
                rows.append(_row(target.name, platform, steps_of(steps, labels), found))
        return rows

    # ── after the bake

    def _verify(self, step: VerifyIndexes) -> None:
        for bake_target in step.bake_targets:
            for tag in self._expanded(bake_target.tags):
                reference = f"{self._registry()}/{bake_target.repository}:{tag}"
                found = _pushed(reference)
                self._refuse_incomplete(reference, found, set(bake_target.platforms))
                self.results = [
                    _with_digest(row, reference, found) if row.bake_target == bake_target.name else row
                    for row in self.results
                ]

    def _merge(self, index: Index) -> None:
        """Put the pushed images of several targets under one tag."""
        from python_on_whales import DockerClient

        sources = []
        for platform, name in index.parts:
            bake_target = self._plan.target(name).bake_target
            repository = f"{self._registry()}/{bake_target.repository}"
            digests = _pushed(f"{repository}:{self._expanded(bake_target.tags)[0]}")
            sources.append(f"{repository}@{digests[platform]}")
        reference = f"{self._registry()}/{index.repository}:{self._expanded([index.tag])[0]}"
        DockerClient().buildx.imagetools.create(sources=sources, tags=[reference])
        found = _pushed(reference)
        self._refuse_incomplete(reference, found, {platform for platform, _ in index.parts})
        self.results += [Result(index.image, p, 0.0, 0, 0, reference, found[p]) for p, _ in index.parts]

    def _refuse_incomplete(self, reference: str, found: Mapping[str, str], declared: set[str]) -> None:
        if set(found) != declared:
            raise EdgebakeError(
                f"{reference} has not the declared platforms",
                reason=f"it has {', '.join(sorted(found))}; declared are {', '.join(sorted(declared))}",
                hints=("another job may have pushed the same tag; bake again",),
            )

    def _expanded(self, tags: Sequence[str]) -> list[str]:
        project = self._plan.compilation.workspace.project
        values = {"TAG": project.tag, **{name: v.default for name, v in project.variables.items()}}
        values |= {name: os.environ[name] for name in values if name in os.environ}
        values |= self._settings.variables
        expanded = []
        for tag in tags:
            for name, value in values.items():
                tag = tag.replace(f"${{{name}}}", value)
            expanded.append(tag)
        return expanded

    def _remember(self, step: Remember) -> None:
        root = self._plan.compilation.workspace.root
        record = read_record(root)
        for bake_target in step.bake_targets:
            for platform in step.platforms:
                record.put(bake_target.name, platform, self._plan.stage_records(bake_target.name, platform))
        write_record(root, record)


def _pushed(reference: str) -> Mapping[str, str]:
    """Return the digests by platform of what has just been pushed."""
    try:
        return look_up(reference).platforms
    except NoAnswerError as error:
        raise EdgebakeError(
            f"{reference} was pushed, and its registry does not show it", reason=str(error)
        ) from None


def _interrupt_children() -> None:
    """Pass an interrupt on to Buildx, which a terminal has told already and a `kill` has not (Linux)."""
    own = os.getpid()
    try:
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGINT)


def _row(name: str, platform: str, steps: Sequence[BuildStep], metadata: Mapping[str, Any]) -> Result:
    ran = [step for step in steps if step.started is not None and step.completed is not None]
    begin = min((step.started or 0.0 for step in ran), default=0.0)
    end = max((step.completed or 0.0 for step in ran), default=0.0)
    return Result(
        name,
        platform,
        end - begin,
        built=sum(not step.cached for step in ran),
        cached=sum(step.cached for step in ran),
        reference=str(metadata.get("image.name", "")).split(",")[0],
        digest=str(metadata.get("containerimage.digest", "")),
    )


def _with_digest(row: Result, reference: str, platforms: Mapping[str, str]) -> Result:
    return Result(
        row.bake_target, row.platform, row.seconds, row.built, row.cached, reference, platforms[row.platform]
    )


def build_error(reader: EventReader, stderr: str) -> EdgebakeError:
    """Return a failed bake as an error: the failing step with its last lines, or what Buildx said."""
    step = reader.failed()
    said = [*reader.other, *stderr.strip().splitlines()]
    errors = [line for line in said if "ERROR" in line or "error" in line]
    text = (errors or said or ["no reason"])[-1].removeprefix("ERROR: ")
    if step is None or step.is_internal:
        return EdgebakeError("the bake failed", reason=(step.error if step else "") or text, hints=_hints(text))
    log = "\n".join(step.log) or "(it wrote nothing)"
    return EdgebakeError(
        f"the step failed: {' '.join(step.name.split())}",
        reason=f"{log}\n\n{step.error}",
        hints=_hints(step.error + text),
    )


def _hints(text: str) -> tuple[str, ...]:
    text = text.lower()
    if any(word in text for word in ("denied", "unauthorized", "authorization failed", "authentication required")):
        return ("log in to the registry: docker login",)
    if "connection refused" in text or "no such host" in text:
        return ("see that the registry is up, and that --registry names the right one",)
    if "exec format error" in text:
        return ("the platform is not emulated: install QEMU's binfmt handlers",)
    return ()
