"""Secrets where everybody with the image or the repository can read them. No message holds a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from edgebake.graph.image_plan import ImagePlan
from edgebake.lint.finding import Finding, Rule
from edgebake.lint.scripts import Script, scripts_of
from edgebake.lint.subject import Subject
from edgebake.load.catalogue import LoadedRecipe
from edgebake.load.document import Location
from edgebake.model.recipe import Recipe, Release, additions_of
from edgebake.redaction import find_secret, is_secret_name, known_form

SECRET_VARIABLE = Rule(
    "secret-variable",
    "an argument, variable or label holds what looks like a secret; anyone with the image can read it",
    "remove it from the files and revoke it; pass it to containers when they start, to builds as a secret mount",
    "error",
)
SECRET_IN_SCRIPT = Rule(
    "secret-in-script",
    "a script holds what looks like a password, token or key",
    "remove it from the script and revoke it; read it from a secret mount (/run/secrets/…)",
    "error",
)

_NO_SECRET_VALUE = re.compile(
    r"|true|false|yes|no|on|off|none|null|auto|[0-9.]+|/.*|.*(?:\$|\{\{|`).*", re.IGNORECASE
)

_ASSIGNMENT = re.compile(
    r"(?<![\w$-])(?P<name>[A-Za-z_]\w*)=(?:\"(?P<a>[^\"\n]*)\"|'(?P<b>[^'\n]*)'|(?P<c>[^\s;&|\"')]+))"
)
_OPTION = re.compile(
    r"--(?P<name>[a-z][a-z-]*)[= ]+(?:\"(?P<a>[^\"\n]*)\"|'(?P<b>[^'\n]*)'|(?P<c>[^\s;&|\"'-][^\s;&|\"']*))"
)
_CHPASSWD = re.compile(r"[\s\"'](?P<name>[a-z_][\w-]*):(?P<c>[^\s\"'$|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd")
_INSTRUCTION = re.compile(r"^\s*(?:ENV|ARG)\s+(?P<name>[A-Za-z_]\w*)(?:[=\s]|$)", re.MULTILINE)


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is found in recipes, their scripts, images and the project's variables."""
    for loaded in subject.recipes:
        yield from _recipe_values(subject, loaded)
        for script in scripts_of(loaded, subject.workspace.root):
            yield from _in_script(script)
    if not subject.stands_for:
        for plan in subject.plans:
            yield from _image_values(subject, plan)
        yield from _project_values(subject)


def _secrets_in(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that seem to be secrets, by their form or their name, and what they seem to be."""
    for name, value in values.items():
        form = known_form(value)
        if form or (is_secret_name(name) and not _NO_SECRET_VALUE.fullmatch(value)):
            yield name, form or "a secret, by its name"


# ── values in files


def _recipe_values(subject: Subject, loaded: LoadedRecipe) -> Iterator[Finding]:
    for location, values in _mappings(loaded.recipe, subject.releases(loaded)):
        for name, what in _secrets_in(values):
            at = loaded.document.at((*location, name))
            yield SECRET_VARIABLE.found(f"{name} holds {what}", at, recipe=loaded.name)


def _mappings(recipe: Recipe, releases: Sequence[Release]) -> Iterator[tuple[Location, Mapping[str, str]]]:
    yield ("env",), recipe.env
    yield ("args",), recipe.args
    yield ("install", "env"), recipe.install.env
    if recipe.build:
        yield ("build", "env"), recipe.build.env
    for where, part in additions_of(releases):
        yield (*where, "env"), part.env
        yield (*where, "args"), part.args


def _image_values(subject: Subject, plan: ImagePlan) -> Iterator[Finding]:
    for key, values in (("env", plan.image.env), ("labels", plan.image.labels)):
        for name, what in _secrets_in(values):
            at = subject.project_at("images", plan.name, key, name)
            yield SECRET_VARIABLE.found(f"{name} holds {what}", at, image=plan.name)


def _project_values(subject: Subject) -> Iterator[Finding]:
    project = subject.workspace.project
    for name, what in _secrets_in({name: variable.default for name, variable in project.variables.items()}):
        at = subject.project_at("variables", name)
        yield SECRET_VARIABLE.found(f"the default of the variable {name} holds {what}", at)
    for service, one in project.services.items():
        for name, what in _secrets_in(one.environment):
            at = subject.project_at("services", service, "environment", name)
            yield SECRET_VARIABLE.found(f"{name} of the service {service} holds {what}", at)


# ── scripts


def _in_script(script: Script) -> Iterator[Finding]:
    for number, line in enumerate(script.text.splitlines(), start=1):
        # A test's own password, and prose, is no secret.
        found = _in_line(line, forms_only=script.half == "test" or line.lstrip().startswith("#"))
        if found:
            column, what = found
            yield script.found(SECRET_IN_SCRIPT, f"the line holds {what}", number, column)
        declared = _INSTRUCTION.match(line) if script.is_template and not found else None
        if declared and is_secret_name(declared["name"]):
            message = f"{declared['name']} is declared with ARG or ENV, and stays readable in the image"
            yield script.found(SECRET_VARIABLE, message, number, declared.start("name") + 1)


def _in_line(line: str, *, forms_only: bool) -> tuple[int, str] | None:
    """Return the column and kind of the first secret in a line; with `forms_only`, only of those by known forms."""
    found = find_secret(line)
    if found or forms_only:
        return (found[0] + 1, found[1]) if found else None
    for pattern in (_ASSIGNMENT, _OPTION):
        for match in pattern.finditer(line):
            value = next((v for key, v in match.groupdict().items() if key != "name" and v), "")
            if is_secret_name(match["name"]) and not _NO_SECRET_VALUE.fullmatch(value):
                return match.start() + 1, f"a value for {match['name']}"
    login = _CHPASSWD.search(line)
    return (login.start("name") + 1, f"the password of the user {login['name']!r}") if login else None
