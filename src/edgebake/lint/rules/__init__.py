"""All rules, in families. Each family is a module with rules, and with `check`, which yields what they find."""

from __future__ import annotations

from edgebake.lint.finding import Rule
from edgebake.lint.rules import builds, context, cuda, images, pins, recipes, secrets, sources

BUILDKIT_CHECK = Rule(
    "buildkit-check",
    "a check of BuildKit fails for a generated Dockerfile",
    "fix the recipe's template that the stage comes from; BuildKit's page on the check shows how",
)
UNUSED_IGNORE = Rule("unused-ignore", "an ignored rule finds nothing", "remove the entry from lint.ignore")

_FAMILIES = (images, recipes, sources, secrets, cuda, builds, context, pins)
_OF_FAMILIES = [rule for family in _FAMILIES for rule in vars(family).values() if isinstance(rule, Rule)]

CHECKS = tuple(family.check for family in _FAMILIES)
RULES: tuple[Rule, ...] = (*_OF_FAMILIES, BUILDKIT_CHECK, UNUSED_IGNORE)
RULE_IDS = tuple(sorted(rule.id for rule in RULES))
