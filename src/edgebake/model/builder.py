"""The project's Buildx builder: one machine for each platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import Address, BadValue, Model, Platform, RelativePath, matching, text_for, without_secret

Driver = Literal["docker-container", "remote", "kubernetes"]

BuilderName = Annotated[str, matching(r"[a-zA-Z][a-zA-Z0-9._-]*", "is not a builder name", limit=64)]
_OptionName = Annotated[str, matching(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", "is not a driver option")]
Endpoint = Annotated[
    str,
    AfterValidator(without_secret),
    matching(
        r"[A-Za-z0-9][A-Za-z0-9_.+-]*|(?:ssh|tcp|unix|docker-container|kubernetes|npipe|fd)://[!-~]*",
        "is not an endpoint (a Docker context, ssh://host, tcp://host:1234 or unix:///path)",
        limit=400,
    ),
]


class BuilderNode(Model):
    """One machine of a builder."""

    endpoint: Endpoint | None = None
    """A Docker context, or an address: `ssh://`, `tcp://`, `unix://`, `docker-container://`. Not for Kubernetes."""
    options: dict[_OptionName, Address] = {}
    """Driver options. They override the builder's."""


class Builder(Model):
    """A Buildx builder with a node for each platform."""

    name: BuilderName = "edgebake"
    """Name of the builder in Buildx."""
    driver: Driver = "docker-container"
    """Buildx driver."""
    options: dict[_OptionName, Address] = {}
    """Driver options for all nodes (`image`, `network`, `namespace`, …)."""
    config: RelativePath | None = None
    """BuildKit's configuration (buildkitd.toml): certificates and mirrors of registries, and more."""
    nodes: Annotated[dict[Platform, Annotated[BuilderNode, text_for("endpoint")]], Field(min_length=1)]
    """Machine for each platform. Several platforms can have the same endpoint."""

    @model_validator(mode="after")
    def _endpoints_fit(self) -> Builder:
        if self.config and self.driver == "remote":
            raise BadValue(
                "a buildkitd of its own has its own configuration",
                path=("config",),
                hints=("configure it where it runs, or use the driver docker-container",),
            )
        seen: dict[str, BuilderNode] = {}
        for platform, node in self.nodes.items():
            if seen.setdefault(node.endpoint or platform, node) != node:
                message = "the same machine is listed twice with different options"
                hints = ("use the same options for all platforms of a machine",)
                raise BadValue(message, path=("nodes", platform), hints=hints)
            if self.driver == "remote" and "://" not in (node.endpoint or ""):
                raise BadValue(
                    "the driver 'remote' needs the address of a buildkitd",
                    path=("nodes", platform),
                    hints=("use tcp://host:1234 or unix:///run/buildkit/buildkitd.sock, for example",),
                )
        return self
