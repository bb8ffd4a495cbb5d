"""Mirrors: the longest name that fits wins, and only whole parts of a name fit."""

from __future__ import annotations

import pytest

from edgebake.registry.mirrors import merged_mirrors, mirrored, unmatched_mirrors

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
        ("library/debian:1", "localhost:5000/debian:1"),
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


@pytest.mark.parametrize("hub", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize(
    ("reference", "fetched"),
    [
        ("debian:bookworm-slim", "harbor.example.com/hub/library/debian:bookworm-slim"),
        ("docker.io/debian", "harbor.example.com/hub/library/debian"),
        ("index.docker.io/library/ubuntu:22.04", "harbor.example.com/hub/library/ubuntu:22.04"),
        ("nvidia/cuda:12.6.0-base@sha256:0", "harbor.example.com/hub/nvidia/cuda:12.6.0-base@sha256:0"),
        ("nvcr.io/nvidia/l4t-base:r36", "nvcr.io/nvidia/l4t-base:r36"),
        ("localhost/debian:1", "localhost/debian:1"),
        ("debian.example.com:5000/docker.io/x:1", "debian.example.com:5000/docker.io/x:1"),
    ],
)
def test_docker_hub_has_several_names(hub: str, reference: str, fetched: str) -> None:
    assert mirrored(reference, {hub: "harbor.example.com/hub"}) == fetched


@pytest.mark.parametrize(
    "name", ["debian", "library/debian", "docker.io/debian", "docker.io/library/debian", "index.docker.io/debian"]
)
def test_an_official_image_has_several_names(name: str) -> None:
    for reference in ("debian:1", "library/debian:1", "docker.io/library/debian:1", "index.docker.io/debian:1"):
        assert mirrored(reference, {name: "m.example.com/d", "docker.io": "x.example.com"}) == "m.example.com/d:1"


def test_an_organisation_and_the_official_images_as_a_whole() -> None:
    assert mirrored("nvidia/cuda:12", {"nvidia": "m.example.com/n"}) == "m.example.com/n/cuda:12"
    assert mirrored("debian:12", {"library": "m.example.com/l"}) == "m.example.com/l/debian:12"


def test_a_given_mirror_wins_whatever_the_project_calls_the_repository() -> None:
    merged = merged_mirrors({"docker.io/library/debian": "a", "docker.io": "b"}, {"debian": "c"})
    assert merged == {"docker.io": "b", "debian": "c"}


def test_mirrors_that_fit_nothing() -> None:
    images = ["debian:bookworm", "nvcr.io/nvidia/l4t-base:r36"]
    mirrors = ["docker.io", "debian", "nvcr.io/nvidia", "ubuntu", "docker.oi", "nvcr.io/nvidi"]
    assert unmatched_mirrors(mirrors, images) == ["docker.oi", "nvcr.io/nvidi", "ubuntu"]
