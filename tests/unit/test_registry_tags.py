"""The rule that decides whether a tag is complete, and which tags are written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

import pytest

from edgebake.errors import EdgebakeError
from edgebake.registry import tags as tags_module
from edgebake.registry.images import PlatformImage, RegistryImage, read_image
from edgebake.registry.reference import parse_reference, parse_repository
from edgebake.registry.tags import TagSet, check_platforms, names_exactly, platform_problems, write_tags
from fake_registry import FakeRegistry

AMD64, ARM64 = "linux/amd64", "linux/arm64"
REPOSITORY = parse_repository("localhost:5000/demo")
TITLE = {"org.opencontainers.image.title": "demo"}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """A registry; a merge that Buildx is asked for writes an index of the given descriptors into it."""
    fake = FakeRegistry()
    monkeypatch.setattr(tags_module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(tags_module, "docker", Buildx(fake))
    return fake


@pytest.fixture
def buildx(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Buildx:
    """The Buildx of the registry, to look at what it was asked."""
    program = Buildx(registry)
    monkeypatch.setattr(tags_module, "docker", program)
    return program


class Buildx:
    """`docker buildx imagetools create`: `asked` has the tags of each call; `failures` come first."""

    def __init__(self, registry: FakeRegistry, failures: Sequence[str] = ()) -> None:
        self.registry = registry
        self.failures = list(failures)
        self.asked: list[list[str]] = []

    def __call__(self, *words: str, timeout: float, needs_engine: bool) -> subprocess.CompletedProcess[str]:
        tags = [words[place + 1] for place, word in enumerate(words) if word == "--tag"]
        self.asked.append([tag.rpartition(":")[2] for tag in tags])
        if self.failures:
            return subprocess.CompletedProcess(words, 1, "", f"#1 merging\nERROR: {self.failures.pop(0)}\n")
        annotations = dict(
            words[place + 1].removeprefix("index:").split("=", 1)
            for place, word in enumerate(words)
            if word == "--annotation"
        )
        entries = [json.loads(word) for word in words if word.startswith("{")]
        for tag in tags:
            reference = parse_reference(tag)
            if "--prefer-index=false" in words:
                content = self.registry.manifests[entries[0]["digest"]]
                self.registry.put_manifest(reference, content.content, content.media_type)
            else:
                children = [(platform_of(entry), entry["digest"]) for entry in entries]
                self.registry.add_index(reference, children, annotations)
        return subprocess.CompletedProcess(words, 0, "", "")


def platform_of(entry: dict[str, dict[str, str]]) -> str:
    return f"{entry['platform']['os']}/{entry['platform']['architecture']}"


def image(registry: FakeRegistry, platform: str, created: str = "2026-01-01T00:00:00Z") -> PlatformImage:
    """Put an image into the registry under no tag that anybody looks at."""
    tag = REPOSITORY.tagged(f"staging-{platform.replace('/', '-')}")
    registry.add_image(tag, platform, created)
    return read_image(registry.client, tag).images[0]


def wanted(*images: PlatformImage, tags: Sequence[str] = ("1.0",), **annotations: str) -> TagSet:
    return TagSet("demo-cpu", REPOSITORY, tuple(tags), images, annotations or TITLE)


def index(registry: FakeRegistry, *images: PlatformImage, tag: str = "1.0", **changes: str) -> RegistryImage:
    """Write an index of images under a tag, and read it."""
    reference = REPOSITORY.tagged(tag)
    registry.add_index(reference, [(one.platform, one.digest) for one in images], {**TITLE, **changes})
    return read_image(registry.client, reference)


class TestPlatforms:
    @pytest.mark.parametrize(
        ("declared", "present", "problems"),
        [
            ([AMD64, ARM64], [ARM64, AMD64], {}),
            ([AMD64, ARM64], [AMD64], {ARM64: "it is declared and missing"}),
            ([AMD64], [AMD64, ARM64], {ARM64: "it is present and not declared"}),
            ([AMD64], [AMD64, AMD64], {AMD64: "it is present 2 times"}),
            (
                [AMD64],
                [ARM64, ARM64],
                {AMD64: "it is declared and missing", ARM64: "it is present and not declared"},
            ),
            ([], [], {}),
        ],
    )
    def test_a_tag_has_each_declared_platform_once_and_no_other(
        self, declared: list[str], present: list[str], problems: dict[str, str]
    ) -> None:
        assert platform_problems(declared, present) == problems

    def test_an_incomplete_tag_is_an_error_that_lists_both(self, registry: FakeRegistry) -> None:
        present = index(registry, image(registry, ARM64))
        with pytest.raises(EdgebakeError, match=r"demo:1\.0 does not have the declared platforms") as raised:
            check_platforms(present, [ARM64, AMD64])
        assert raised.value.reason == "it has linux/arm64; declared are linux/amd64, linux/arm64"
        check_platforms(present, [ARM64])

    def test_a_tag_without_any_image_says_so(self, registry: FakeRegistry) -> None:
        with pytest.raises(EdgebakeError) as raised:
            check_platforms(index(registry), [ARM64])
        assert raised.value.reason == "it has none; declared are linux/arm64"


class TestNamesExactly:
    """When a tag is left alone."""

    def test_the_same_images_and_annotations(self, registry: FakeRegistry) -> None:
        both = [image(registry, AMD64), image(registry, ARM64)]
        assert names_exactly(index(registry, *both), wanted(*both))
        assert names_exactly(index(registry, *both, more="kept"), wanted(*both))  # what others added may stay

    def test_no_tag(self, registry: FakeRegistry) -> None:
        assert not names_exactly(None, wanted(image(registry, AMD64)))

    def test_another_image_of_a_platform(self, registry: FakeRegistry) -> None:
        amd64, old, new = image(registry, AMD64), image(registry, ARM64), image(registry, ARM64, "2026-02-01")
        assert not names_exactly(index(registry, amd64, old), wanted(amd64, new))

    def test_an_image_more_or_less(self, registry: FakeRegistry) -> None:
        amd64, arm64 = image(registry, AMD64), image(registry, ARM64)
        assert not names_exactly(index(registry, amd64), wanted(amd64, arm64))
        assert not names_exactly(index(registry, amd64, arm64), wanted(amd64))

    def test_an_image_that_is_listed_twice(self, registry: FakeRegistry) -> None:
        amd64 = image(registry, AMD64)
        assert not names_exactly(index(registry, amd64, amd64), wanted(amd64))  # the set of digests is the same

    def test_another_attestation(self, registry: FakeRegistry) -> None:
        amd64, arm64 = image(registry, AMD64), image(registry, ARM64)
        present = index(registry, amd64, arm64)
        attested = PlatformImage(ARM64, arm64.descriptor, ({"digest": "sha256:attestation"},))
        assert not names_exactly(present, wanted(amd64, attested))

    def test_another_annotation_counts_for_an_index_only(self, registry: FakeRegistry) -> None:
        amd64, arm64 = image(registry, AMD64), image(registry, ARM64)
        assert not names_exactly(index(registry, amd64, arm64), wanted(amd64, arm64, title="another"))
        single = read_image(registry.client, REPOSITORY.tagged("staging-linux-amd64"))
        assert names_exactly(single, wanted(amd64, title="another"))


class TestWriting:
    def test_only_stale_tags_are_written(self, registry: FakeRegistry, buildx: Buildx) -> None:
        both = [image(registry, AMD64), image(registry, ARM64)]
        index(registry, *both, tag="1.0")
        index(registry, both[0], tag="1")
        lines: list[str] = []
        published = write_tags(registry.client, wanted(*both, tags=("1.0", "1", "latest")), lines.append)
        assert buildx.asked == [["1", "latest"]]
        assert [one.state for one in published] == ["same", "published", "published"]
        assert {tuple(one.platforms.items()) for one in published} == {
            ((AMD64, both[0].digest), (ARM64, both[1].digest))
        }
        assert [line.partition("@")[0] for line in lines] == [
            "same      localhost:5000/demo:1.0",
            "published localhost:5000/demo:1",
            "published localhost:5000/demo:latest",
        ]

    def test_nothing_stale_asks_nothing_of_buildx(self, registry: FakeRegistry, buildx: Buildx) -> None:
        amd64 = image(registry, AMD64)
        registry.add_image(REPOSITORY.tagged("1.0"), AMD64)
        (published,) = write_tags(registry.client, wanted(amd64))
        assert (published.state, published.digest, buildx.asked) == ("same", amd64.digest, [])

    def test_a_single_image_is_copied_as_it_is(self, registry: FakeRegistry) -> None:
        amd64 = image(registry, AMD64)
        (published,) = write_tags(registry.client, wanted(amd64))
        assert (published.state, published.digest) == ("published", amd64.digest)

    def test_a_tag_that_something_else_cut_short_is_an_error(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = [image(registry, AMD64), image(registry, ARM64)]

        def cut_short(*words: str, timeout: float, needs_engine: bool) -> subprocess.CompletedProcess[str]:
            index(registry, both[0])
            return subprocess.CompletedProcess(words, 0, "", "")

        monkeypatch.setattr(tags_module, "docker", cut_short)
        with pytest.raises(EdgebakeError, match="does not have the declared platforms"):
            write_tags(registry.client, wanted(*both))

    def test_a_complete_tag_of_a_later_publish_is_noted(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = [image(registry, AMD64), image(registry, ARM64)]
        other = image(registry, ARM64, "2026-02-01")

        def overtaken(*words: str, timeout: float, needs_engine: bool) -> subprocess.CompletedProcess[str]:
            index(registry, both[0], other)
            return subprocess.CompletedProcess(words, 0, "", "")

        monkeypatch.setattr(tags_module, "docker", overtaken)
        lines: list[str] = []
        (published,) = write_tags(registry.client, wanted(*both), lines.append)
        assert published.platforms[ARM64] == other.digest
        assert lines[0] == "note: localhost:5000/demo:1.0: another publish has replaced it meanwhile"

    def test_a_transient_failure_is_retried(self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        buildx = Buildx(registry, failures=["unexpected status: 400 Bad Request"] * 3)
        monkeypatch.setattr(tags_module, "docker", buildx)
        (published,) = write_tags(registry.client, wanted(image(registry, AMD64)))
        assert (published.state, len(buildx.asked)) == ("published", 4)

    def test_a_failure_that_stays_is_reported_with_its_reason(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tags_module, "docker", Buildx(registry, failures=["400 Bad Request"] * 4))
        with pytest.raises(EdgebakeError, match="demo-cpu could not be merged") as raised:
            write_tags(registry.client, wanted(image(registry, AMD64)))
        assert raised.value.reason == "400 Bad Request"

    @pytest.mark.parametrize(
        ("stderr", "reason"),
        [
            ("#1 merging\nERROR: denied: no\n#1 done\n", "denied: no"),
            ("#1 merging\ndenied: no\n", "denied: no"),
            ("#1 denied\n", "#1 denied"),
        ],
    )
    def test_the_reason_is_the_line_that_says_error_or_the_last(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str
    ) -> None:
        def fail(*words: str, timeout: float, needs_engine: bool) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(words, 1, "", stderr)

        monkeypatch.setattr(tags_module, "docker", fail)
        with pytest.raises(EdgebakeError) as raised:
            write_tags(registry.client, wanted(image(registry, AMD64)))
        assert raised.value.reason == reason

    @pytest.mark.parametrize("reason", ["denied: no access", "401 Unauthorized", "403 Forbidden"])
    def test_a_refusal_is_not_retried(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, reason: str
    ) -> None:
        buildx = Buildx(registry, failures=[reason])
        monkeypatch.setattr(tags_module, "docker", buildx)
        with pytest.raises(EdgebakeError):
            write_tags(registry.client, wanted(image(registry, AMD64)))
        assert len(buildx.asked) == 1

    def test_what_another_job_wrote_in_the_meantime_is_not_written_again(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = [image(registry, AMD64), image(registry, ARM64)]
        asked = []

        def written_by_another(*words: str, timeout: float, needs_engine: bool) -> subprocess.CompletedProcess[str]:
            asked.append(words)
            index(registry, *both)
            return subprocess.CompletedProcess(words, 1, "", "ERROR: conflict")

        monkeypatch.setattr(tags_module, "docker", written_by_another)
        (published,) = write_tags(registry.client, wanted(*both))
        assert (len(asked), published.state) == (1, "published")
