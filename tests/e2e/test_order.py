"""An order that is chosen by what was measured, recorded, and built: what images share is built once."""

from __future__ import annotations

import json

from conftest import Project, docker_run, run

PLATFORM = ("--platform", "linux/amd64")


def recipes(*names: str) -> dict[str, str]:
    """Return recipes that write a file each; `big` writes 3 MB, which no compression makes smaller."""
    found = {}
    for name in names:
        found[f"recipes/{name}/recipe.yaml"] = (
            f"name: {name}\nsummary: {name}\ninstall:\n  files: {{{name}.txt: /opt/}}\n"
        )
        found[f"recipes/{name}/{name}.txt"] = name
    return found


def test_an_order_that_is_chosen_is_measured_recorded_and_built(project: Project) -> None:
    project.write(
        {
            "edgebake.yaml": f"""
                registry: {project.registry}
                images:
                  one: {{recipes: [a, big], targets: [cpu], platforms: [linux/amd64]}}
                  two: {{recipes: [b, big], targets: [cpu], platforms: [linux/amd64]}}
                """,
            ".gitignore": ".edgebake/\n",
            **recipes("a", "b", "big"),
        }
    )
    (project.root / "recipes/big/big.txt").write_bytes(bytes(run_random(3_000_000)))
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *command, cwd=project.root)
    project.edgebake("bake", "--push", "--no-test")
    before = docker_run(project.image("one"), "cat", "/opt/a.txt")

    told = project.edgebake("lock", "--order").err
    assert "order on cpu: 2 images, 4 → 3 install stages, 6 → 3 MB (3 of 6 MB shared)" in told
    assert "the best there is" in told
    images = json.loads((project.root / "edgebake.lock").read_text())["images"]
    assert images["one"]["cpu"]["order"] == ["big", "a"]
    assert "one on cpu: recipes are in the order that the lock has" in project.edgebake("plan").out
    assert project.edgebake("lock").out == "edgebake.lock is up to date.\n"

    project.edgebake("bake", "--push", "--no-test")
    layers = [
        {
            layer["digest"]
            for layer in json.loads(run("crane", "manifest", *PLATFORM, project.image(name)).out)["layers"]
        }
        for name in ("one", "two")
    ]
    assert [len(own) - len(layers[0] & layers[1]) for own in layers] == [1, 1]  # each has its own file, and no more
    assert docker_run(project.image("one"), "cat", "/opt/a.txt") == before


def run_random(size: int) -> bytes:
    """Return bytes that are the same each time, and do not compress."""
    import random

    return random.Random(1).randbytes(size)
