"""Selectors on a real engine: only what is picked is built, and what was built is known for it afterwards."""

from __future__ import annotations

from conftest import Project

RECIPE = """
    name: {name}
    summary: An application
    layer: application
    requires: base
    install:
      files: {{file: /{name}}}
    test:
      script: test.sh
    """
FILES = {
    "edgebake.yaml": """
        images:
          one: {recipes: [./one], targets: [tiny], platforms: [linux/amd64]}
          two: {recipes: [./two], targets: [tiny], platforms: [linux/amd64]}
        """,
    "targets/tiny.yaml": """
        name: tiny
        family: cpu
        summary: A small base image
        platforms: [linux/amd64, linux/arm64]
        base: {image: "debian:bookworm-slim"}
        os: debian:12
        tag_suffix: tiny
        """,
    "recipes/base/recipe.yaml": """
        name: base
        summary: What both have
        layer: system
        install:
          files: {shared: /shared}
        """,
    "recipes/base/shared": "1\n",
    **{f"{name}/recipe.yaml": RECIPE.format(name=name) for name in ("one", "two")},
    **{f"{name}/file": f"{name}\n" for name in ("one", "two")},
    **{f"{name}/test.sh": f"grep -q {name} /{name}\n" for name in ("one", "two")},
}


def images(project: Project, *words: str) -> list[str]:
    return [image["image"] for image in project.edgebake("plan", "--json", *words).json()["images"]]


def test_only_what_is_picked_is_built_and_known_as_built(project: Project) -> None:
    project.write(FILES)
    project.bake("--select", "recipe:one", "--quiet")
    assert images(project, "-s", "state:unmodified") == ["one"]
    assert images(project, "-s", "state:new") == ["two"]

    project.bake("--select", "state:new", "--quiet")
    assert images(project, "-s", "state:modified") == []
    again = project.bake("--select", "state:modified", "--quiet")
    assert "no image is in that state" in again.err

    project.write({"two/file": "two and more\n"})
    assert images(project, "-s", "state:directly-modified+") == ["two"]
    tested = project.edgebake("test", "--exclude", "state:unmodified", "--json", "--quiet").json()
    assert [(suite["image"], len(suite["tests"])) for suite in tested["suites"]] == [("two", 1)]

    project.write({"recipes/base/shared": "2\n"})
    assert images(project, "-s", "base+2") == ["one", "two"]
    assert images(project, "-s", "state:directly-modified") == ["one", "two"]
