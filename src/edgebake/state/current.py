"""Which bake targets are up to date already, and what says so.

- Pushed: the registry has every tag that it is to have with exactly the digest that was recorded for these inputs,
  and each platform's manifest.
- Loaded: the engine has the image under its reference, with the id that was recorded.
- In the build cache: it was built in this checkout on this builder. That the cache has it still is not asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.plan.builder import Plan
from edgebake.plan.history import Finished, History
from edgebake.plan.settings import Settings, expanded_tags, registry_client, registry_of
from edgebake.plan.steps import Output
from edgebake.plan.target_plan import Evidence
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import RegistryError
from edgebake.registry.images import RegistryImage, read_image
from edgebake.registry.reference import Reference, parse_reference, parse_repository
from edgebake.state.inputs import Inputs, digest_of_tests
from edgebake.system.docker import docker

TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Wish:
    """What a bake is to do with results, and what of earlier ones counts."""

    output: Output = "cache"  # where results go
    test: bool = False  # whether images have to have passed their tests
    force: bool = False  # whether everything is built, up to date or not
    resume: bool = False  # whether what a run that did not end well has finished counts, even with `force`


def find_evidence(plan: Plan, settings: Settings, history: History, wish: Wish) -> dict[str, Evidence]:
    """Return what is known of each bake target of a plan, by name. Asks registry and engine, a few things at once.

    Raises:
        EdgebakeError: the tags that it is to be pushed under cannot be made.
    """
    client = registry_client(plan.compilation, settings, patient=False)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(builder_identity, settings.builder) if wish.output == "cache" else None
        bases = _bases(plan, settings, client)
    builder = asked.result() if asked else ""
    inputs = Inputs(plan, settings, bases, builder)
    found = {}
    claims: dict[str, Finished] = {}
    for target in plan.targets:
        name = target.bake_target.name
        tests = digest_of_tests(target) if wish.test else ""
        known = history.finished.get((name, target.platforms, wish.output))
        digest = inputs.digest(target) if builder or wish.output != "cache" else ""
        lack = inputs.unknown(target) or _lack(known, digest, tests, wish, history)
        found[name] = Evidence(digest, tests, text=lack)
        if known is not None and not lack:
            claims[name] = known
    for name, proof in _CHECKS[wish.output](plan, settings, client, claims).items():
        found[name] = replace(proof, inputs=found[name].inputs, tests=found[name].tests)
    return found


def _lack(known: Finished | None, inputs: str, tests: str, wish: Wish, history: History) -> str:
    """Return why what is recorded does not count; empty if it does."""
    if known is None:
        return "no earlier bake is recorded here"
    if wish.force and not (wish.resume and known.run in history.resumable):
        return "everything is built again"
    if not inputs or known.inputs != inputs:
        return "its inputs have changed since it was built"
    if tests and known.tests != tests:
        return "its tests have not passed"
    return ""


def _bases(plan: Plan, settings: Settings, client: RegistryClient) -> dict[str, tuple[str, ...]]:
    """Return what base images by a tag are: in their registry, and in the engine, which may have one of its own."""
    inputs = Inputs(plan, settings, {}, "")
    references = sorted({reference for target in plan.targets for reference in inputs.bases(target)})
    local = image_ids(references)

    def digest(reference: str) -> str:
        try:
            return client.find_digest(parse_reference(reference)) or ""
        except RegistryError:
            return ""

    digests = client.each(digest, references)
    return {r: (d, local.get(r, "")) for r, d in zip(references, digests, strict=True)}


# ── witnesses: each takes what is recorded, and says which of it is there still


def _in_registry(
    plan: Plan, settings: Settings, client: RegistryClient, claims: Mapping[str, Finished]
) -> dict[str, Evidence]:
    expected = {name: expected_references(plan, settings, name, known) for name, known in claims.items()}
    asked = [(name, reference) for name, references in expected.items() for reference in references]
    answers = dict(zip(asked, client.each(lambda one: _look(client, one[1], claims[one[0]]), asked), strict=True))
    found = {}
    for name, references in expected.items():
        own = [answers[name, reference] for reference in references]
        lacking = next((answer for answer in own if isinstance(answer, str)), "")
        images = [answer for answer in own if isinstance(answer, RegistryImage)]
        if lacking or not images:
            found[name] = Evidence(text=lacking or "the journal does not say where it was pushed")
        else:
            digest, digests = images[0].digest, {one.platform: one.digest for one in images[0].images}
            text = f"{', '.join(references)} is {digest}, pushed {claims[name].at}"
            found[name] = Evidence("", "", True, text, references[0], digest, digests)
    return found


def expected_references(plan: Plan, settings: Settings, name: str, known: Finished) -> list[str]:
    """Return the references that are to be there, as the registry's API has them.

    The declared tags; of a build of some platforms only, those under which it was pushed or loaded, if it was for
    the repository that it would be for now.
    """
    target = plan.target(name)
    repository = f"{registry_of(plan.compilation, settings)}/{target.bake_target.repository}"
    if target.complete:
        tags = expanded_tags(plan.compilation, settings, target.bake_target.tags)
        return [_normal(f"{repository}:{tag}") for tag in tags]
    here = _normal(repository)
    return [ref for ref in _known(known) if ref.startswith((f"{here}:", f"{here}@"))] or [here]


def _known(known: Finished) -> dict[str, str]:
    """Return the recorded digests by reference; what was pushed without a tag is known by its digest."""
    found = {}
    for reference, digest in known.references.items():
        tagged = ":" in reference.rpartition("/")[2]
        found[_normal(reference) if tagged else f"{_normal(reference)}@{digest}"] = digest
    return found


def _normal(text: str) -> str:
    tagged = ":" in text.rpartition("/")[2]
    return str(parse_reference(text) if tagged else parse_repository(text))


def _look(client: RegistryClient, text: str, known: Finished) -> RegistryImage | str:
    """Return what the registry has under a reference, or what is wrong with it."""
    wanted = _known(known).get(text)
    if wanted is None:
        return f"{text} was not pushed from here"
    reference = parse_reference(text)
    try:
        image = read_image(client, reference)
        if image.digest != wanted:
            return f"{text} is another image now"
        if sorted(one.platform for one in image.images) != sorted(known.platforms):
            return f"{text} does not have its platforms"
        if image.manifest.is_index:
            for one in image.images:
                client.digest(Reference(reference.repository, digest=one.digest))
    except RegistryError as error:
        return str(error.message)
    return image


def _in_engine(
    plan: Plan, settings: Settings, client: RegistryClient, claims: Mapping[str, Finished]
) -> dict[str, Evidence]:
    ids = image_ids([reference for known in claims.values() for reference in known.references])
    found = {}
    for name, known in claims.items():
        wrong = [ref for ref, digest in known.references.items() if ids.get(ref) not in (digest, *known.ids)]
        expected = set(expected_references(plan, settings, name, known))
        if wrong or not expected <= set(_known(known)):
            found[name] = Evidence(text=f"the engine does not have it as {', '.join(wrong or sorted(expected))}")
        else:
            reference, digest = next(iter(known.references.items()))
            text = f"the engine has {reference}: {ids[reference]}, loaded {known.at}"
            found[name] = Evidence("", "", True, text, reference, "", dict.fromkeys(known.platforms, digest))
    return found


def _in_cache(
    plan: Plan, settings: Settings, client: RegistryClient, claims: Mapping[str, Finished]
) -> dict[str, Evidence]:
    where = f"on the builder {settings.builder!r}" if settings.builder else "on the builder in use"
    return {name: Evidence("", "", True, f"built here {where}, {known.at}") for name, known in claims.items()}


_CHECKS = {"push": _in_registry, "load": _in_engine, "cache": _in_cache}


# ── the engine and the builder


def _asked(*arguments: str) -> str:
    """Return what a docker command prints; nothing if it cannot be run, or does not answer."""
    try:
        return docker(*arguments, timeout=TIMEOUT).stdout
    except EdgebakeError:
        return ""


def image_ids(references: Sequence[str]) -> dict[str, str]:
    """Return the ids of the images that the engine holds, by the references that were asked for."""
    if not references:
        return {}
    found: dict[str, str] = {}
    output = _asked("image", "inspect", "--format", "{{json .Id}} {{json .RepoTags}}", *references)
    for line in filter(None, output.splitlines()):
        image_id, _, tags = line.partition(" ")
        found |= dict.fromkeys(json.loads(tags) or (), json.loads(image_id))
    return {reference: found[_tagged(reference)] for reference in references if _tagged(reference) in found}


def _tagged(reference: str) -> str:
    """Return a reference as the engine lists it."""
    name = reference.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def builder_identity(builder: str | None) -> str:
    """Return what identifies a builder: name, driver, endpoints, and the engine behind it; empty if none."""
    output = _asked("buildx", "inspect", *([builder] if builder else []))
    facts = re.findall(r"^(?:Name|Driver|Endpoint):\s*(\S+)", output, re.MULTILINE)
    if not facts:
        return ""
    engine = _asked("system", "info", "--format", "{{.ID}}").strip() if "docker" in facts else ""
    return " ".join([*dict.fromkeys(facts), engine]).strip()
