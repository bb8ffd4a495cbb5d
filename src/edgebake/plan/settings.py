"""How a bake is executed, and what of the bake file's variables follows from it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch, base_variable
from edgebake.model.project import check_tag
from edgebake.model.variables import fill_in, variable_values
from edgebake.registry.mirrors import merged_mirrors, mirrored
from edgebake.render.dockerfile import base_reference

if TYPE_CHECKING:
    from edgebake.registry.client import RegistryClient


@dataclass(frozen=True)
class Settings:
    """How to execute, beside what the project says."""

    builder: str | None = None  # a Buildx builder; the one in use if None
    variables: Mapping[str, str] = field(default_factory=dict)  # variables of the bake file
    overrides: Sequence[str] = ()  # `--set` of `docker buildx bake`: KEY=VALUE
    mirrors: Mapping[str, str] = field(default_factory=dict)  # where repositories are fetched instead
    # where secrets are, by name, in place of what the project says: Buildx's `env=NAME` or `src=FILE`
    secrets: Mapping[str, str] = field(default_factory=dict)
    ssh: Mapping[str, str] = field(default_factory=dict)  # likewise SSH keys: files; "" for the agent
    no_cache: bool = False  # build everything again
    # of the process: the bake file's variables, Docker's configuration, proxies
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def bake_variables(compilation: Compilation, settings: Settings) -> dict[str, str]:
    """Return the variables that a bake is given: base images through the mirrors, and what the settings say."""
    mirrors = merged_mirrors(compilation.workspace.project.mirrors, settings.mirrors)
    # The bake file is ours: it reads what was asked for, and its paths are relative to the working directory.
    variables = {"BUILDX_BAKE_ENTITLEMENTS_FS": "0", "BUILDX_BAKE_FILE_RELATIVE_PATHS": "0"}
    for name, target in compilation.targets.items():
        variables[base_variable(name)] = mirrored(base_reference(compilation, target.base.image), mirrors)
        if target.base.native:
            native = mirrored(base_reference(compilation, target.base.native), mirrors)
            variables[f"NATIVE_{base_variable(name)}"] = native
    return {**variables, **settings.variables}


def cache_variables(
    compilation: Compilation, settings: Settings, platforms: Sequence[str], *, writes: bool
) -> dict[str, str]:
    """Return the variables of a bake for the build cache: which platform's it is, and whether it is written.

    What the environment says goes before.

    Args:
        compilation: the project.
        settings: how it is executed.
        platforms: those that are built.
        writes: whether the bake may write to a registry.
    """
    cache = compilation.workspace.project.cache
    if cache is None:
        return {}
    variables = {"CACHE_PLATFORM": f"-{arch(platforms[0])}" if len(platforms) == 1 else ""}
    if cache.type != "registry" or writes:
        variables["CACHE_TO"] = "1"
    return {name: value for name, value in variables.items() if name not in settings.environment}


def registry_of(compilation: Compilation, settings: Settings) -> str:
    """Return where images are pushed."""
    return settings.variables.get("REGISTRY") or compilation.workspace.project.registry


def registry_client(compilation: Compilation, settings: Settings, *, patient: bool = True) -> RegistryClient:
    """Return a client that has the user's logins, and trusts what builds trust.

    Args:
        compilation: the project.
        settings: variables and environment.
        patient: whether a registry that does not answer is asked again.
    """
    from pathlib import Path

    from edgebake.registry.client import RegistryClient

    project = compilation.workspace.project
    bundle = settings.variables.get("CA_BUNDLE") or project.ca_bundle
    ca_bundle = compilation.workspace.root / Path(bundle) if bundle else None
    return RegistryClient(settings.environment, ca_bundle, patient=patient, insecure=project.insecure_registries)


def expanded_tags(compilation: Compilation, settings: Settings, tags: Sequence[str]) -> list[str]:
    """Return tags with the bake file's variables filled in, as Buildx does: settings, environment, defaults.

    Raises:
        EdgebakeError: a variable's value makes something that is no tag.
    """
    values = variable_values(compilation.workspace.project, {**settings.environment, **settings.variables})
    expanded = []
    for tag in tags:
        text = fill_in(tag, values)
        try:
            expanded.append(check_tag(text))
        except ValueError as error:
            hints = ("see the values of the variables: --var, --tag, the environment",)
            raise EdgebakeError(f"the tag {tag!r} becomes {text!r}", reason=str(error), hints=hints) from None
    return list(dict.fromkeys(expanded))
