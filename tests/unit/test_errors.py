"""Hints about names."""

from __future__ import annotations

from edgebake.errors import did_you_mean


def test_the_nearest_name_is_meant() -> None:
    assert did_you_mean("pytroch", ["pytorch", "opencv"], kind="recipe") == ("did you mean 'pytorch'?",)


def test_a_name_that_is_an_image_and_a_recipe_is_listed_once() -> None:
    assert did_you_mean("zzzz", ["hello", "app", "hello"], kind="name") == ("the valid names are: app, hello",)
