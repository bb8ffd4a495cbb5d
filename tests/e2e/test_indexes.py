"""One tag over several targets: for each platform the image of the target that stands there."""

from __future__ import annotations

import pytest

from conftest import Project, crane_manifest, crane_platforms, crane_tags, docker_run

pytestmark = pytest.mark.oldest
TARGET = """
    name: {name}
    family: cpu
    summary: A machine
    platforms: [{platforms}]
    base: {{image: "debian:bookworm-slim"}}
    os: debian:12
    tag_suffix: {name}
    """


@pytest.fixture
def demo(project: Project) -> Project:
    project.write(
        {
            "edgebake.yaml": """
                images:
                  demo:
                    recipes: [./app]
                    targets: [server, board]
                    indexes:
                      "${TAG}": {linux/amd64: server, linux/arm64: board}
                """,
            "targets/server.yaml": TARGET.format(name="server", platforms="linux/amd64, linux/arm64"),
            "targets/board.yaml": TARGET.format(name="board", platforms="linux/arm64"),
            "app/recipe.yaml": """
                name: app
                summary: Says where it runs
                env: {WHERE: "{{ target.name }}"}
                """,
        }
    )
    return project


def where(image: str, platform: str) -> str:
    return docker_run(image, "bash", "-c", "echo $WHERE", platform=platform)


def test_the_index_has_each_platforms_image_from_its_own_target(demo: Project) -> None:
    told = demo.bake("--push", "--json").json()["results"]
    image = demo.image("demo", "dev")
    assert crane_platforms(image) == ["linux/amd64", "linux/arm64"]
    assert where(image, "linux/amd64") == "server"
    assert where(image, "linux/arm64") == "board"
    digests = {c["platform"]["architecture"]: c["digest"] for c in crane_manifest(image)["manifests"]}
    assert {r["platform"]: r["digest"] for r in told if r["reference"] == image} == {
        "linux/amd64": digests["amd64"],
        "linux/arm64": digests["arm64"],
    }


@pytest.mark.parametrize("part", [("--target", "server"), ("--platform", "linux/arm64")])
def test_no_index_is_made_of_a_part(demo: Project, part: tuple[str, str]) -> None:
    assert "left out: not all of these are selected" in demo.edgebake("plan", *part).out
    demo.bake("--push", *part)
    assert "dev" not in crane_tags(f"{demo.registry}/demo")


def test_a_platform_that_the_target_does_not_have_is_refused(demo: Project) -> None:
    path = demo.root / "edgebake.yaml"
    path.write_text(path.read_text().replace("linux/amd64: server", "linux/amd64: board"))
    done = demo.edgebake("plan", check=False)
    assert done.code == 2
    assert "the image 'demo' is not built for linux/amd64 on 'board'" in done.err
    assert "edgebake.yaml:6:" in done.err
