"""Which tags are not needed, and what is deleted with them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edgebake.model.output.publishing import PrunableTag
from edgebake.model.request import Request
from edgebake.plan.settings import Settings
from edgebake.publishing.prune import Own, Rule, TagState, own_repositories, prunable, prune, tag_states
from edgebake.registry.client import OCI_INDEX, OCI_MANIFEST, RawManifest
from edgebake.registry.errors import UnsupportedError
from edgebake.registry.reference import Reference, parse_repository
from fake_registry import FakeRegistry
from integration.projects import ALL, AMD64, ARM64, Project, make_project, recipe

NOW = datetime(2026, 1, 31, tzinfo=timezone.utc)
OWN = Own(
    parse_repository("localhost:5000/demo"),
    frozenset({"dev-cpu", "latest-cpu"}),
    ("${TAG}-cpu", "latest-cpu", "${TAG}"),
    re.compile(r"cpu(?:-(?:amd64|arm64)-[0-9a-f]{16})+"),
)


def state(tag: str, days: float | None, digest: str = "") -> TagState:
    created = None if days is None else NOW - timedelta(days=days)
    return TagState(OWN.repository, tag, RawManifest(digest or tag, OCI_MANIFEST, b"{}"), created)


STAGING = "cpu-arm64-0123456789abcdef"


def chosen(states: list[TagState], rule: Rule) -> list[str]:
    return [one.state.tag for one in prunable(OWN, states, rule, NOW)]


def test_staging_tags_are_pruned_once_they_are_old() -> None:
    assert chosen([state(STAGING, 2)], Rule()) == [STAGING]
    assert chosen([state(STAGING, 0.5)], Rule()) == []
    assert chosen([state(STAGING, None)], Rule(days=0)) == []


def test_versions_are_pruned_beyond_the_newest_of_their_form_if_that_is_asked_for() -> None:
    states = [state(f"1.{n}-cpu", 100 - n) for n in range(5)] + [state("dev-cpu", 200), state("latest-cpu", 0)]
    assert chosen(states, Rule()) == []
    assert chosen(states, Rule(keep=2)) == ["1.0-cpu", "1.1-cpu", "1.2-cpu"]
    assert chosen(states, Rule(keep=0, days=98)) == ["1.0-cpu", "1.1-cpu", "1.2-cpu"]


def test_several_tags_of_one_image_count_once() -> None:
    states = [state("1.0-cpu", 9), state("1.1-cpu", 5, "same"), state("edge-cpu", 5, "same")]
    assert chosen(states, Rule(keep=1)) == ["1.0-cpu"]


def test_tags_without_a_time_count_as_the_oldest_and_stay() -> None:
    states = [state("1.0-cpu", None), state("1.1-cpu", 9), state("1.2-cpu", 5)]
    assert chosen(states, Rule(keep=1)) == ["1.1-cpu"]
    assert chosen(states, Rule(keep=2)) == []


def test_what_is_not_needed_is_listed_oldest_first() -> None:
    states = [state("cpu-amd64-0123456789abcdef", 3), state(STAGING, 5), state("cpu-amd64-fedcba9876543210", 5)]
    assert chosen(states, Rule()) == [
        "cpu-amd64-fedcba9876543210",
        STAGING,
        "cpu-amd64-0123456789abcdef",
    ]


def test_a_tag_of_no_declared_form_is_nobodys_to_delete() -> None:
    own = Own(OWN.repository, OWN.declared, ("${TAG}-cpu",), OWN.passing)
    states = [state("sha256-1234.sig", 900), state("nightly", 900)]
    assert prunable(own, states, Rule(keep=0, days=0), NOW) == []


# ── what is the project's own

STACKS = "localhost:5000/stacks"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two images; `demo` has tests, a version in its tags, and an index over its targets."""
    made = make_project(tmp_path).recipe(**recipe("app", test={"script": "test.sh"})).recipe(**recipe("tool"))
    demo = {
        "recipes": ["app"],
        "targets": ["cpu", "board-1.0"],
        "indexes": {"${TAG}": {AMD64: "cpu", ARM64: "board-1.0"}},
    }
    other = {"recipes": ["tool"], "targets": ["cpu"], "indexes": {"other": {AMD64: "cpu"}}}
    data = {"registry": "localhost:5000", "stacks": STACKS, "images": {"demo": demo, "other": other}}
    return made.write({"edgebake.yaml": json.dumps(data), "recipes/app/test.sh": "true\n"})


def own(project: Project, request: Request = ALL, **options: bool) -> dict[str, Own]:
    found = own_repositories(project.plan(request), Settings(environment={"TAG": "1.0"}), **options)
    return {str(one.repository): one for one in found}


class TestOwnRepositories:
    def test_all_that_is_declared_in_a_repository_is_needed_selected_or_not(self, project: Project) -> None:
        found = own(project, Request(names=("demo",), targets=("cpu",)))
        assert found.keys() == {"localhost:5000/demo"}
        demo = found["localhost:5000/demo"]
        assert demo.declared == {"1.0-cpu", "1.0-b1", "1.0"}
        assert demo.forms == ("${TAG}-b1", "${TAG}-cpu", "${TAG}")

    def test_staging_tags_are_those_of_the_declared_targets(self, project: Project) -> None:
        passing = own(project)["localhost:5000/demo"].passing
        assert passing.fullmatch("cpu-arm64-0123456789abcdef")
        assert passing.fullmatch("board-1.0-arm64-0123456789abcdef")
        assert passing.fullmatch("cpu-amd64-0123456789abcdef-arm64-0123456789abcdef")
        for tag in ("gpu-arm64-0123456789abcdef", "cpu-arm64-0123", "board-1x0-arm64-0123456789abcdef"):
            assert not passing.fullmatch(tag)
        assert not own(project)["localhost:5000/other"].passing.fullmatch("board-1.0-arm64-0123456789abcdef")

    def test_the_keys_of_all_images_are_needed_selected_or_not(self, project: Project) -> None:
        one_image = own(project, Request(names=("demo",)), stacks=True)[STACKS]
        assert one_image == own(project, stacks=True)[STACKS]
        assert one_image.forms == ()
        assert {key.rsplit("-", 1)[0] for key in one_image.declared} == {"cpu-amd64-arm64", "board-1.0-arm64"}
        assert all(one_image.passing.fullmatch(key) for key in one_image.declared)
        states = [state(key, 9) for key in one_image.declared] + [state("cpu-amd64-" + "0" * 32, 9)]
        (pruned,) = prunable(one_image, states, Rule(), NOW)
        assert (pruned.state.tag, pruned.reason) == ("cpu-amd64-" + "0" * 32, "key of a stack")

    def test_an_image_without_a_test_has_its_keys_too(self, project: Project) -> None:
        before = own(project, stacks=True)[STACKS].declared
        project.recipe(**recipe("app"))
        assert own(project, stacks=True)[STACKS].declared == before

    def test_stacks_are_left_alone_unless_they_are_asked_for_and_declared(self, project: Project) -> None:
        assert STACKS not in own(project)
        project.images(demo=["app"])
        assert own(project, stacks=True).keys() == {"localhost:5000/demo"}


# ── what is deleted


DEMO = parse_repository("localhost:5000/demo")


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def pruned(registry: FakeRegistry, *tags: str, delete: bool = True) -> list[PrunableTag]:
    """Prune the repository as if these of its tags were not needed, and the others were of somebody else."""
    own = Own(DEMO, frozenset(), (), re.compile("|".join(tags)))
    return prune(registry.client, [own], Rule(), NOW, delete=delete)


class TestDelete:
    def test_a_manifest_goes_with_its_only_tag(self, registry: FakeRegistry) -> None:
        old = registry.add_image(DEMO.tagged("old"), AMD64)
        kept = registry.add_image(DEMO.tagged("kept"), AMD64, "2026-01-02T00:00:00Z")
        (result,) = pruned(registry, "old")
        assert result == PrunableTag(
            reference="localhost:5000/demo:old",
            digest=old.digest,
            created="2026-01-01T00:00:00+00:00",
            reason="staging tag",
            deleted=True,
            refused=None,
        )
        assert old.digest not in registry.manifests
        assert registry.tags(DEMO) == ["kept"]
        assert registry.manifest(DEMO.tagged("kept")) == kept

    def test_nothing_is_deleted_unless_that_is_asked_for(self, registry: FakeRegistry) -> None:
        registry.add_image(DEMO.tagged("old"), AMD64)
        (result,) = pruned(registry, "old", delete=False)
        assert (result.reference, result.deleted, result.refused) == ("localhost:5000/demo:old", False, None)
        assert (registry.tags(DEMO), registry.deleted) == (["old"], [])

    def test_a_manifest_that_a_kept_tag_names_stays(self, registry: FakeRegistry) -> None:
        both = registry.add_image(DEMO.tagged("old"), AMD64)
        registry.add_image(DEMO.tagged("kept"), AMD64)
        assert [one.deleted for one in pruned(registry, "old")] == [True]
        assert registry.tags(DEMO) == ["kept"]
        assert both.digest in registry.manifests

    def test_a_manifest_that_a_kept_index_needs_stays(self, registry: FakeRegistry) -> None:
        amd64 = registry.add_image(DEMO.tagged("staging"), AMD64)
        registry.add_index(DEMO.tagged("1.0"), [(AMD64, amd64.digest)])
        assert [one.deleted for one in pruned(registry, "staging")] == [True]
        assert registry.tags(DEMO) == ["1.0"]
        assert amd64.digest in registry.manifests

    def test_an_index_goes_before_what_only_it_names_and_what_others_need_stays(
        self, registry: FakeRegistry
    ) -> None:
        amd64 = registry.add_image(DEMO.tagged("a"), AMD64)
        arm64 = registry.add_image(DEMO.tagged("b"), ARM64)
        index = registry.add_index(DEMO.tagged("old"), [(AMD64, amd64.digest), (ARM64, arm64.digest)])
        registry.add_index(DEMO.tagged("kept"), [(ARM64, arm64.digest)])
        registry.named = {name: digest for name, digest in registry.named.items() if name[1] in ("old", "kept")}
        pruned(registry, "old")
        assert registry.deleted[1:] == [index.digest, amd64.digest]  # the first is the one that frees the tag
        assert arm64.digest in registry.manifests

    def test_what_went_with_another_tag_is_no_failure(self, registry: FakeRegistry) -> None:
        registry.add_image(DEMO.tagged("a"), AMD64)
        registry.add_image(DEMO.tagged("b"), AMD64)
        assert [(one.deleted, one.refused) for one in pruned(registry, "a", "b")] == [(True, None)] * 2
        assert registry.tags(DEMO) == []

    def test_a_refusal_is_reported_in_one_line(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.add_image(DEMO.tagged("a"), AMD64)

        def refuse(reference: Reference) -> None:
            raise UnsupportedError("the registry cannot do this", reason="405 UNSUPPORTED: it is disabled\nmore")

        monkeypatch.setattr(registry, "delete", refuse)
        (result,) = pruned(registry, "a")
        assert (result.deleted, result.refused) == (False, "405 UNSUPPORTED: it is disabled")
        assert registry.tags(DEMO) == ["a"]

    def test_a_refusal_without_a_reason_is_its_message(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.add_image(DEMO.tagged("a"), AMD64)

        def refuse(reference: Reference) -> None:
            raise UnsupportedError("the registry cannot do this")

        monkeypatch.setattr(registry, "delete", refuse)
        assert [one.refused for one in pruned(registry, "a")] == ["the registry cannot do this"]


class TestCreated:
    """When a tag's image was made."""

    def created(self, registry: FakeRegistry) -> list[datetime | None]:
        return [one.created for one in tag_states(registry.client, DEMO)]

    def test_an_index_is_as_old_as_its_newest_image(self, registry: FakeRegistry) -> None:
        first = registry.add_image(DEMO.tagged("a"), AMD64, "2026-01-01T00:00:00Z")
        last = registry.add_image(DEMO.tagged("b"), ARM64, "2026-01-03T10:00:00.123Z")
        children = [(AMD64, first.digest), (ARM64, last.digest)]
        registry.add_index(DEMO.tagged("c"), children, attested=[first.digest])
        third = datetime(2026, 1, 3, 10, tzinfo=timezone.utc)
        assert self.created(registry) == [datetime(2026, 1, 1, tzinfo=timezone.utc), third, third]

    @pytest.mark.parametrize("text", ["", "yesterday", "1970-01-01T00:00:00Z", "1980-01-01T00:00:00Z"])
    def test_no_time_and_that_of_a_reproducible_build_say_nothing(self, registry: FakeRegistry, text: str) -> None:
        registry.add_image(DEMO.tagged("a"), AMD64, text)
        assert self.created(registry) == [None]

    def test_a_child_without_a_platform_is_an_image(self, registry: FakeRegistry) -> None:
        image = registry.add_image(DEMO.tagged("a"), AMD64, "1981-01-01T00:00:00Z")
        registry.put_manifest(
            DEMO.tagged("b"), json.dumps({"manifests": [{"digest": image.digest}]}).encode(), OCI_INDEX
        )
        assert self.created(registry) == [datetime(1981, 1, 1, tzinfo=timezone.utc)] * 2

    def test_what_is_no_image_has_no_time(self, registry: FakeRegistry) -> None:
        registry.put_manifest(DEMO.tagged("signature"), b"{}", OCI_MANIFEST)
        registry.add_index(DEMO.tagged("empty"), [])
        assert self.created(registry) == [None, None]

    def test_a_tag_that_goes_away_meanwhile_is_left_out(
        self, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registry, "tags", lambda repository: ["gone"])
        assert self.created(registry) == []
