"""Python packages that are not the build for their target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject

WRONG_BUILD = Rule(
    "wrong-build",
    "a Python package is not the build that a recipe of the catalogue installs on the target",
    "require the recipe that the finding names, in place of the package",
    "error",
)
CUDA_WITHOUT_GPU = Rule(
    "cuda-without-gpu",
    "Python packages bring CUDA to an image for a target without it",
    "require a recipe that has a build without CUDA (`pytorch` for torch), in place of the package",
)
_RULES = {"build": WRONG_BUILD, "cuda": CUDA_WITHOUT_GPU}


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what the compilation finds about the images' Python packages."""
    plans = {(plan.name, plan.target.name): plan for plan in subject.plans}
    for build in subject.compilation.builds:
        plan = plans.get((build.image, build.target))
        if plan is not None:
            found = subject.found(_RULES[build.kind], plan, build.text, "recipes", cause=build.asker)
            yield replace(found, at=build.at or found.at)
