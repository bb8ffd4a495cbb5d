"""Finding recipes and targets: the project's own over the built-in ones, and never two of one name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgebake.errors import EdgebakeError
from edgebake.load.catalogue import Catalogue

if TYPE_CHECKING:
    from conftest import ProjectFolder


def recipe(name: str, extra: str = "") -> str:
    return f"name: {name}\nsummary: The recipe {name}\n{extra}"


def target(name: str, extra: str = "") -> str:
    return (
        f"name: {name}\nfamily: cpu\nsummary: A target\nplatforms: [linux/amd64]\n"
        f'base: {{image: "debian:12"}}\nos: debian:12\ntag_suffix: {name}\n{extra}'
    )


@pytest.fixture
def catalogue(project: ProjectFolder) -> Catalogue:
    """The catalogue of a project with the folders `recipes` and `more` for recipes, `targets` and `boards`."""
    folders = (project.root / "recipes", project.root / "more")
    return Catalogue(project.root, folders, (project.root / "targets", project.root / "boards"), project.builtin)


def error_of(catalogue: Catalogue, name: str) -> str:
    with pytest.raises(EdgebakeError) as caught:
        catalogue.recipe(name)
    return str(caught.value)


# ── layers


def test_the_projects_own_recipe_hides_the_built_in_one(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.catalogue(
        {"recipes/ml/numpy/recipe.yaml": recipe("numpy"), "recipes/scipy/recipe.yaml": recipe("scipy")}
    )
    project.write({"recipes/numpy/recipe.json": '{"name": "numpy", "summary": "Mine"}'})
    assert catalogue.recipe_names() == ["numpy", "python", "scipy"]
    assert catalogue.recipe("numpy").recipe.summary == "Mine"
    assert [catalogue.recipe(name).vendored for name in ("numpy", "scipy")] == [False, True]


def test_the_projects_own_target_hides_the_built_in_one(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"boards/cpu.yaml": target("cpu", "board: mine\n")})
    assert catalogue.target_names() == ["cpu"]
    assert catalogue.target("cpu").target.board == "mine"


def test_recipes_lie_in_a_layer_or_in_a_group_of_it(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write(
        {
            "recipes/direct/recipe.yaml": recipe("direct"),
            "recipes/group/grouped/recipe.yaml": recipe("grouped"),
            "recipes/group/.hidden/recipe.yaml": recipe("hidden"),
            "recipes/direct/vendored/recipe.yaml": recipe("vendored"),  # a folder of the recipe's own
            "recipes/README.md": "",
            "more/other/recipe.py": "from edgebake.recipe import *\nrecipe = Recipe(name='other', summary='s')\n",
        }
    )
    assert catalogue.recipe_names() == ["direct", "grouped", "other", "python"]
    assert catalogue.recipe("other").recipe.summary == "s"


def test_a_file_is_read_only_when_it_is_asked_for(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"recipes/broken/recipe.yaml": "name: [", "recipes/good/recipe.yaml": recipe("good")})
    assert catalogue.recipe("good").name == "good"
    assert "recipes/broken/recipe.yaml:2:1: the file is not valid YAML" in error_of(catalogue, "broken")


def test_an_unknown_recipe_is_a_key_error_of_the_callers(catalogue: Catalogue) -> None:
    with pytest.raises(KeyError):
        catalogue.recipe("nothing")


# ── two of one name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("recipes/a/numpy/recipe.yaml", "recipes/b/numpy/recipe.yaml"),
        ("recipes/numpy/recipe.yaml", "more/numpy/recipe.yaml"),
        ("more/numpy/recipe.yaml", "more/z/numpy/recipe.yaml"),
    ],
)
def test_two_recipes_of_one_name_are_refused_naming_both(
    project: ProjectFolder, catalogue: Catalogue, first: str, second: str
) -> None:
    project.write({first: recipe("numpy"), second: recipe("numpy")})
    assert error_of(catalogue, "numpy") == (
        f"{second}: two recipes are named 'numpy'\n  the other one is {first}\n\nhint: rename one of them"
    )


def test_two_files_in_one_folder_are_refused(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"recipes/numpy/recipe.yaml": recipe("numpy"), "recipes/numpy/recipe.py": ""})
    assert error_of(catalogue, "numpy") == (
        "recipes/numpy: the folder has two recipes: recipe.yaml and recipe.py\n\nhint: keep one of them"
    )


@pytest.mark.parametrize(
    ("first", "second"), [("boards/orin.yaml", "targets/orin.yaml"), ("targets/orin.json", "targets/orin.yaml")]
)
def test_two_targets_of_one_name_are_refused_naming_both(
    project: ProjectFolder, catalogue: Catalogue, first: str, second: str
) -> None:
    project.write({first: target("orin"), second: target("orin")})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.target("orin")
    found = str(caught.value)
    assert "two targets are named 'orin'" in found
    assert first in found
    assert second in found


def test_a_recipe_by_path_may_hide_a_built_in_one_but_none_of_the_projects(
    project: ProjectFolder, catalogue: Catalogue
) -> None:
    project.write({"app/recipe.yaml": recipe("python"), "web/recipe.yaml": recipe("web")})
    project.write({"recipes/web/recipe.yaml": recipe("web")})
    position = catalogue.recipe("web").document.at()
    catalogue.add_recipe(project.root / "app", position)
    assert catalogue.recipe("python").folder == project.root / "app"
    with pytest.raises(EdgebakeError) as caught:
        catalogue.add_recipe(project.root / "web", position)
    assert str(caught.value) == (
        "web/recipe.yaml: two recipes are named 'web'\n"
        "  the other one is recipes/web/recipe.yaml\n"
        "\n"
        "hint: rename one of them"
    )


# ── names and folders


def test_a_recipe_has_its_folders_name(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"recipes/numpy/recipe.yaml": "summary: s\nname: nunpy\n"})
    assert error_of(catalogue, "numpy") == (
        "recipes/numpy/recipe.yaml:2:7: the recipe 'nunpy' is in a folder named 'numpy'\n"
        "\n"
        "hint: rename the folder to nunpy"
    )


def test_a_target_has_its_files_name(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"targets/orin.yaml": target("thor")})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.target("orin")
    assert str(caught.value) == (
        "targets/orin.yaml:1:7: the target 'thor' is in a file named 'orin.yaml'\n"
        "\n"
        "hint: rename the file to thor.yaml"
    )


@pytest.mark.parametrize("path", ["recipes/numpy/recipe.yml", "recipes/group/numpy/recipe.yml"])
def test_another_suffix_is_told_and_not_overlooked(project: ProjectFolder, catalogue: Catalogue, path: str) -> None:
    project.write({path: recipe("numpy")})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.recipe_names()
    assert str(caught.value) == f"{path}: the file's name must end in .yaml\n\nhint: rename the file to recipe.yaml"


def test_another_suffix_of_a_target_is_told(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"targets/orin.yml": target("orin")})
    with pytest.raises(EdgebakeError, match=r"^targets/orin\.yml: the file's name must end in \.yaml"):
        catalogue.target_names()


def test_a_recipe_where_its_folder_is_meant_is_told(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"recipes/recipe.yaml": recipe("numpy")})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.recipe_names()
    assert str(caught.value) == (
        "recipes: the folder is a recipe itself\n"
        "  a folder of recipes has a subfolder for each recipe\n"
        "\n"
        "hint: use the folder above it\n"
        "hint: or add this folder to the recipes of an image: ./folder"
    )


# ── aliases and what recipes provide


def test_an_alias_means_its_recipe(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.catalogue({"recipes/pytorch/recipe.yaml": recipe("pytorch", "aliases: [torch]\n")})
    assert [catalogue.canonical(name) for name in ("torch", "pytorch", "tensor")] == ["pytorch", "pytorch", None]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            recipe("a", "aliases: [x, torch]\n"),
            recipe("b", "aliases: [torch]\n"),
            (
                "recipes/b/recipe.yaml:3:11: the alias 'torch' of the recipe 'b' also means the recipe 'a'\n"
                "  the other one is recipes/a/recipe.yaml\n"
                "\n"
                "hint: remove one of them"
            ),
        ),
        (
            recipe("a", "aliases: [x, b]\n"),
            recipe("b"),
            (
                "recipes/a/recipe.yaml:3:14: the alias 'b' of the recipe 'a' also means the recipe 'b'\n"
                "  the other one is recipes/b/recipe.yaml\n"
                "\n"
                "hint: remove one of them"
            ),
        ),
    ],
)
def test_an_alias_that_means_two_recipes_is_refused(
    project: ProjectFolder, catalogue: Catalogue, first: str, second: str, message: str
) -> None:
    project.write({"recipes/a/recipe.yaml": first, "recipes/b/recipe.yaml": second})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.canonical("x")
    assert str(caught.value) == message


def test_the_projects_own_alias_or_name_hides_a_built_in_alias(
    project: ProjectFolder, catalogue: Catalogue
) -> None:
    project.catalogue({"recipes/pytorch/recipe.yaml": recipe("pytorch", "aliases: [torch, lightning]\n")})
    project.write({"recipes/torch/recipe.yaml": recipe("torch")})
    project.write({"recipes/zeus/recipe.yaml": recipe("zeus", "aliases: [lightning]\n")})
    assert catalogue.canonical("torch") == "torch"
    assert catalogue.canonical("lightning") == "zeus"


def test_providers_are_listed_by_name(project: ProjectFolder, catalogue: Catalogue) -> None:
    for name in ("openblas", "mkl"):
        project.write({f"recipes/{name}/recipe.yaml": recipe(name, "provides: [blas]\n")})
    assert [loaded.name for loaded in catalogue.providers("blas")] == ["mkl", "openblas"]


def test_an_alias_of_a_recipe_that_is_added_later_is_known(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"app/recipe.yaml": recipe("app", "aliases: [service]\n")})
    assert catalogue.canonical("service") is None
    catalogue.add_recipe(project.root / "app", catalogue.recipe("python").document.at())
    assert catalogue.canonical("service") == "app"


# ── nothing from outside of the project


@pytest.mark.parametrize("linked", ["recipes/evil", "recipes/group/evil", "recipes/evil/recipe.yaml"])
def test_a_recipe_behind_a_symlink_that_leads_out_is_refused(
    project: ProjectFolder, catalogue: Catalogue, tmp_path: Path, linked: str
) -> None:
    outside = tmp_path / "outside" / "evil"
    outside.mkdir(parents=True)
    (outside / "recipe.yaml").write_text(recipe("evil"))
    link = project.root / linked
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "recipe.yaml" if linked.endswith(".yaml") else outside)
    shown = linked if linked.endswith(".yaml") else f"{linked}/recipe.yaml"
    assert error_of(catalogue, "evil") == (
        f"{shown}: the file leads out of the project\n"
        f"  it is {outside / 'recipe.yaml'}\n"
        "\n"
        "hint: keep recipes and targets inside the project's folder, so that a checkout is complete"
    )


def test_a_target_behind_a_symlink_that_leads_out_is_refused(
    project: ProjectFolder, catalogue: Catalogue, tmp_path: Path
) -> None:
    (tmp_path / "orin.yaml").write_text(target("orin"))
    (project.root / "targets").mkdir()
    (project.root / "targets/orin.yaml").symlink_to(tmp_path / "orin.yaml")
    with pytest.raises(EdgebakeError, match=r"^targets/orin\.yaml: the file leads out of the project"):
        catalogue.target("orin")


def test_a_symlink_inside_of_the_project_is_followed(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"shared/numpy/recipe.yaml": recipe("numpy")})
    (project.root / "recipes").mkdir()
    (project.root / "recipes/numpy").symlink_to("../shared/numpy")
    assert catalogue.recipe("numpy").name == "numpy"


def test_a_circle_of_symlinks_ends(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"recipes/group/a/recipe.yaml": recipe("a")})
    (project.root / "recipes/group/loop").symlink_to("..")
    assert catalogue.recipe_names() == ["a", "python"]


# ── targets by pattern


def test_targets_by_pattern(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({f"targets/{name}.yaml": target(name) for name in ("jetpack-6.2", "jetpack-6.1", "jetpack-5.1")})
    found = [loaded.target.name for loaded in catalogue.match_targets("jetpack-6.*")]
    assert found == ["jetpack-6.1", "jetpack-6.2"]


def test_an_unknown_target_is_told_with_the_nearest(project: ProjectFolder, catalogue: Catalogue) -> None:
    project.write({"targets/jetpack-6.2.yaml": target("jetpack-6.2")})
    with pytest.raises(EdgebakeError) as caught:
        catalogue.match_targets("jetpak-6.2")
    assert str(caught.value) == "unknown target 'jetpak-6.2'\n\nhint: did you mean 'jetpack-6.2'?"
    with pytest.raises(EdgebakeError) as caught:
        catalogue.match_targets("*x*")
    assert str(caught.value) == "unknown target '*x*'\n\nhint: the valid targets are: cpu, jetpack-6.2"
