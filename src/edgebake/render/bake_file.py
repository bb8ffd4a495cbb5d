"""The bake file, `docker-bake.hcl` and on request `docker-bake.json`: two spellings of one structure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.graph.names import bake_target_name, base_variable, groups
from edgebake.graph.node import Node
from edgebake.graph.stages import is_wheelhouse
from edgebake.graph.steps import CA_SECRET as CA_NAME
from edgebake.model.project import Project
from edgebake.model.secret import AGENT, HOME, Secret
from edgebake.model.variables import PATTERNS
from edgebake.registry.mirrors import mirrored
from edgebake.render.cache import VARIABLES, cache_from, cache_to
from edgebake.render.dockerfile import base_reference
from edgebake.templating.quote import hcl_string, hcl_template, json_string, json_template
from edgebake.templating.templates import Templates

CA_SECRET = 'CA_BUNDLE == "" ? [] : ["type=file,id=ca-bundle,src=${CA_BUNDLE}"]'
WHEELHOUSE_CONTEXT = 'WHEELHOUSE == "" ? {} : { "eb-wheelhouse" = WHEELHOUSE }'


@dataclass(frozen=True)
class Expression:
    """A value that Buildx computes."""

    text: str


Value = str | Expression | Sequence[str] | Mapping[str, "str | Expression"]


@dataclass(frozen=True)
class Block:
    """A variable, group or target block. `comment` stands above it."""

    kind: str
    name: str
    attributes: dict[str, Value]
    comment: str = ""


@dataclass(frozen=True)
class BakeFile:
    """All blocks, and the variables that texts may refer to as `${NAME}`."""

    blocks: list[Block] = field(default_factory=list)
    variables: frozenset[str] = frozenset()


def bake_file(compilation: Compilation) -> BakeFile:
    """Return the bake file of a compilation."""
    targets = compilation.graph.bake_targets
    variables = list(_variables(compilation))
    blocks = [*variables, *_groups(targets), *_shared(compilation), *_bake_targets(compilation, targets)]
    return BakeFile(blocks, frozenset(block.name for block in variables))


def _variables(compilation: Compilation) -> Iterable[Block]:
    project = compilation.workspace.project
    yield _variable("REGISTRY", project.registry, "Where the images are pushed.")
    yield _variable("TAG", project.tag, "First part of every tag.")
    for name, variable in project.variables.items():
        if variable.of is not None and variable.part is not None:
            pattern, replacement = (hcl_string(text) for text in PATTERNS[variable.part])
            part = Expression(f"regex_replace({variable.of}, {pattern}, {replacement})")
            yield Block("variable", name, {"default": part}, variable.description or "")
        else:
            yield _variable(name, variable.default, variable.description or "")
    for name, target in sorted(compilation.targets.items()):
        base = mirrored(base_reference(compilation, target.base.image), project.mirrors)
        yield _variable(
            base_variable(name), base, f"Base image of {name}; name a mirror's instead if you have one."
        )
        if target.base.native:
            native = mirrored(base_reference(compilation, target.base.native), project.mirrors)
            yield _variable(f"NATIVE_{base_variable(name)}", native, f"The same for what runs natively for {name}.")
    if project.ca_bundle is not None:
        yield _variable("CA_BUNDLE", project.ca_bundle, "Certificates that builds trust; never part of an image.")
    for name, value, comment in VARIABLES if project.cache else ():
        yield _variable(name, value, comment)
    if _is_below_home(project):
        yield _variable("HOME", "", "Set by the shell: secrets and keys are files below it.")
    if project.wheelhouse is not None:
        yield _variable("WHEELHOUSE", project.wheelhouse, "Folder of Python wheels to look at before an index.")


def _variable(name: str, default: str, comment: str) -> Block:
    return Block("variable", name, {"default": default}, comment)


def _groups(targets: Sequence[BakeTarget]) -> Iterable[Block]:
    yield Block("group", "default", {"targets": [t.name for t in targets if not t.is_test]})
    for group, names in groups(targets).items():
        yield Block("group", group, {"targets": names})


def shared_name(target: str) -> str:
    """Return the name of the block that a target's images inherit from."""
    return "_" + bake_target_name(target, "").rstrip("-")


def _shared(compilation: Compilation) -> Iterable[Block]:
    project = compilation.workspace.project
    for name, target in sorted(compilation.targets.items()):
        args: dict[str, str | Expression] = {"BASE": Expression(base_variable(name))}
        if target.base.native:
            args["NATIVE_BASE"] = Expression(f"NATIVE_{base_variable(name)}")
        attributes: dict[str, Value] = {
            "context": ".",
            "dockerfile": f"{project.output}/{name}/Dockerfile",
            "platforms": list(target.platforms),
            "args": args,
            **_plumbing(compilation.graph.of_target(name)),
            "attest": [_provenance(project), *(["type=sbom"] if project.sbom else [])],
        }
        yield Block("target", shared_name(name), attributes, f"What all images for {name} share.")


def _plumbing(nodes: Sequence[Node]) -> dict[str, Value]:
    """Return what a target's stages are given from outside: the project's own wheels, and its certificates."""
    found: dict[str, Value] = {}
    if any(map(is_wheelhouse, nodes)):
        found["contexts"] = Expression(WHEELHOUSE_CONTEXT)
    if any(CA_NAME in body.ops.secrets for node in nodes for body in node.bodies.values()):
        found["secret"] = Expression(CA_SECRET)
    return found


def _secret(name: str, secret: Secret) -> str:
    source = f"env={secret.env}" if secret.env else f"src={_file(str(secret.file))}"
    return f"type={'env' if secret.env else 'file'},id={name},{source}"


def _ssh(name: str, source: str) -> str:
    return name if source == AGENT else f"{name}={_file(source)}"


def _file(path: str) -> str:
    """Return a file as Buildx finds it: relative to the working directory, or through HOME."""
    return f"${{HOME}}/{path.removeprefix(HOME)}" if path.startswith(HOME) else path


def _is_below_home(project: Project) -> bool:
    """Tell whether a secret or key of the project is a file below the home folder."""
    files = [*(secret.file or "" for secret in project.secrets.values()), *project.ssh.values()]
    return any(file.startswith(HOME) for file in files)


def _provenance(project: Project) -> str:
    off = project.provenance == "off"
    return "type=provenance,disabled=true" if off else f"type=provenance,mode={project.provenance}"


def _bake_targets(compilation: Compilation, targets: Sequence[BakeTarget]) -> Iterable[Block]:
    project = compilation.workspace.project
    for one in targets:
        needs = compilation.needs[one.name]
        attributes: dict[str, Value] = {
            "inherits": [shared_name(one.target)],
            "target": compilation.names[one.target][one.stage],
        }
        if one.platforms != tuple(compilation.targets[one.target].platforms):
            attributes["platforms"] = list(one.platforms)
        if project.cache:
            image = bake_target_name(one.image, one.target)  # whose steps its tests need
            attributes["cache-from"] = Expression(cache_from(project, image))
            if not one.is_test:
                attributes["cache-to"] = Expression(cache_to(project, image))
        if needs.secrets:
            attributes["secret"] = [_secret(name, project.secrets[name]) for name in needs.secrets]
        if needs.ssh:
            attributes["ssh"] = [_ssh(name, project.ssh.get(name, AGENT)) for name in needs.ssh]
        if one.is_test:
            attributes["output"] = ["type=cacheonly"]
        else:
            attributes["tags"] = [f"${{REGISTRY}}/{one.repository}:{tag}" for tag in one.tags]
        yield Block("target", one.name, attributes)


# ── the two spellings


def render_hcl(file: BakeFile, templates: Templates, example: Mapping[str, str]) -> str:
    """Return the bake file as HCL. `example`: file and target of the command in its header."""
    blocks = [
        (
            block.kind,
            block.name,
            block.comment,
            _aligned({k: _hcl(v, file.variables) for k, v in block.attributes.items()}),
        )
        for block in file.blocks
    ]
    return templates.render("bake/docker-bake.hcl.j2", blocks=blocks, example=example) + "\n"


def _aligned(attributes: dict[str, str]) -> list[str]:
    """Return `name = value` lines, equals signs in one column, as `hclfmt` leaves them."""
    width = max(len(name) for name in attributes)
    return [f"{name:<{width}} = {value}" for name, value in attributes.items()]


def _hcl(value: Value, variables: frozenset[str]) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, str):
        return hcl_template(value, variables)
    if isinstance(value, Mapping):
        pairs = (f"{_hcl_key(k)} = {_hcl(v, variables)}" for k, v in value.items())
        return "{ " + ", ".join(pairs) + " }"
    items = [hcl_template(item, variables) for item in value]
    one_line = "[" + ", ".join(items) + "]"
    if len(one_line) <= 90:
        return one_line
    return "[\n    " + ",\n    ".join(items) + ",\n  ]"


def _hcl_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else hcl_string(name)


def render_json(file: BakeFile) -> str:
    """Return the bake file as JSON, in which texts are HCL templates as well."""
    kinds: dict[str, dict[str, object]] = {"variable": {}, "group": {}, "target": {}}
    for block in file.blocks:
        kinds[block.kind][block.name] = {k: _json(v, file.variables) for k, v in block.attributes.items()}
    kinds = {kind: blocks for kind, blocks in kinds.items() if blocks}  # Buildx takes no empty one
    return json.dumps(kinds, indent=2, ensure_ascii=False) + "\n"


def _json(value: Value, variables: frozenset[str]) -> object:
    if isinstance(value, Expression):
        return f"${{{value.text}}}"
    if isinstance(value, str):
        return json.loads(json_template(value, variables))
    if isinstance(value, Mapping):
        return {json.loads(json_string(k)): _json(v, variables) for k, v in value.items()}
    return [json.loads(json_template(item, variables)) for item in value]
