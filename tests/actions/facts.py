"""Facts about the actions that the workflow may use: their inputs, from each `action.yml` at the pinned release."""

from __future__ import annotations

INPUTS: dict[str, frozenset[str]] = {
    "actions/checkout": frozenset(
        [
            "repository",
            "ref",
            "token",
            "ssh-key",
            "ssh-known-hosts",
            "ssh-strict",
            "ssh-user",
            "persist-credentials",
            "path",
            "clean",
            "filter",
            "sparse-checkout",
            "sparse-checkout-cone-mode",
            "fetch-depth",
            "fetch-tags",
            "show-progress",
            "lfs",
            "submodules",
            "set-safe-directory",
            "github-server-url",
            "allow-unsafe-pr-checkout",
        ]
    ),
    "actions/setup-python": frozenset(
        [
            "python-version",
            "python-version-file",
            "cache",
            "architecture",
            "check-latest",
            "token",
            "cache-dependency-path",
            "update-environment",
            "allow-prereleases",
            "freethreaded",
            "pip-version",
        ]
    ),
    "actions/upload-artifact": frozenset(
        [
            "name",
            "path",
            "if-no-files-found",
            "retention-days",
            "compression-level",
            "overwrite",
            "include-hidden-files",
            "archive",
        ]
    ),
    "actions/download-artifact": frozenset(
        [
            "name",
            "artifact-ids",
            "path",
            "pattern",
            "merge-multiple",
            "github-token",
            "repository",
            "run-id",
            "skip-decompress",
            "digest-mismatch",
        ]
    ),
    "docker/setup-qemu-action": frozenset(["image", "platforms", "reset", "cache-image"]),
    "docker/setup-buildx-action": frozenset(
        [
            "version",
            "driver",
            "driver-opts",
            "buildkitd-flags",
            "buildkitd-config",
            "buildkitd-config-inline",
            "use",
            "name",
            "endpoint",
            "platforms",
            "append",
            "keep-state",
            "cache-binary",
            "cleanup",
        ]
    ),
    "docker/login-action": frozenset(
        ["registry", "username", "password", "ecr", "scope", "logout", "registry-auth"]
    ),
    "docker/bake-action": frozenset(
        [
            "builder",
            "allow",
            "call",
            "files",
            "no-cache",
            "pull",
            "load",
            "provenance",
            "push",
            "sbom",
            "set",
            "source",
            "targets",
            "github-token",
        ]
    ),
    "crazy-max/ghaction-github-runtime": frozenset({"github-token"}),
    "sigstore/cosign-installer": frozenset(["cosign-release", "install-dir", "use-sudo"]),
}
