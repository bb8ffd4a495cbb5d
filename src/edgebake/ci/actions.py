"""The actions that the workflow uses, each pinned by the commit of its release.

A tag can move, a commit cannot. Source: the tags of their repositories on github.com (`git for-each-ref`).
"""

from __future__ import annotations

ACTIONS: dict[str, tuple[str, str]] = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "docker/setup-qemu-action": ("96fe6ef7f33517b61c61be40b68a1882f3264fb8", "v4.2.0"),
    "docker/setup-buildx-action": ("37fe631027851001ddb9b187196cc803df7f5f0e", "v4.3.0"),
    "docker/login-action": ("4907a6ddec9925e35a0a9e82d7399ccc52663121", "v4.1.0"),
    "docker/bake-action": ("a66e1c87e2eca0503c343edf1d208c716d54b8a8", "v7.1.0"),
    "crazy-max/ghaction-github-runtime": ("04d248b84655b509d8c44dc1d6f990c879747487", "v4.0.0"),
    "sigstore/cosign-installer": ("6f9f17788090df1f26f669e9d70d6ae9567deba6", "v4.1.2"),
}
"""Commit and release by action."""

BUILDX = "v0.38.2"
"""The Buildx of the jobs that build: a runner may have one that cannot do --keep-going."""


def pinned(action: str) -> str:
    """Return the value of `uses:` for an action, with its release in a comment."""
    commit, release = ACTIONS[action]
    return f"{action}@{commit} # {release}"
