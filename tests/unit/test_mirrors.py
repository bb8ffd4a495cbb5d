"""Mirrors: the longest name that fits wins, and only whole parts of a name fit."""

from __future__ import annotations

import pytest

from edgebake.render.mirrors import mirrored

MIRRORS = {
    "debian": "localhost:5000/debian",
    "nvcr.io": "mirror.local/nvcr",
    "nvcr.io/nvidia": "mirror.local/nvidia",
    "nvcr.io/nvidia/l4t-base": "localhost:5000/l4t",
}


@pytest.mark.parametrize(
    ("reference", "fetched"),
    [
        ("debian", "localhost:5000/debian"),
        ("debian:bookworm-slim", "localhost:5000/debian:bookworm-slim"),
        ("debian@sha256:1", "localhost:5000/debian@sha256:1"),
        ("debian/snapshot:1", "localhost:5000/debian/snapshot:1"),
        ("debian-ports:1", "debian-ports:1"),
        ("library/debian:1", "library/debian:1"),
        ("nvcr.io/x:1", "mirror.local/nvcr/x:1"),
        ("nvcr.io/nvidia/cuda:12", "mirror.local/nvidia/cuda:12"),
        ("nvcr.io/nvidia/l4t-base:r36", "localhost:5000/l4t:r36"),
        ("nvcr.io/nvidia/l4t-base-extra:r36", "mirror.local/nvidia/l4t-base-extra:r36"),
        ("nvcr.io.evil.com/x", "nvcr.io.evil.com/x"),
        ("ubuntu:22.04", "ubuntu:22.04"),
    ],
)
def test_where_an_image_is_fetched(reference: str, fetched: str) -> None:
    assert mirrored(reference, MIRRORS) == fetched
    assert mirrored(reference, dict(reversed(MIRRORS.items()))) == fetched


def test_a_mirror_is_not_mirrored_again() -> None:
    assert mirrored("a/x", {"a": "b", "b": "c"}) == "b/x"
