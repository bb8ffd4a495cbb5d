"""Templates of projects and recipes: plain data and named functions only, and no more work than is allowed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgebake.errors import EdgebakeError, Position
from edgebake.graph.compile import plan_images
from edgebake.model.target import Target
from edgebake.templating.pages import render_page
from edgebake.templating.templates import Templates, project_templates
from edgebake.templating.values import render_value, target_scope
from edgebake.templating.visible import Function, Kept, KeptText
from integration.projects import ARM64, BOARD, make_project, recipe

AT = Position("recipe.yaml", 3, 5)


def render(text: str, **more: Any) -> str:
    scope = {**target_scope(Target.model_validate(BOARD), ARM64), **more}
    return render_value(text, scope, lambda: AT, "env.X")


REACH = [
    "{{ target.parse_raw('cos', proto='pickle', allow_pickle=True) }}",
    "{{ target.model_construct }}",
    "{{ target.copy() }}",
    "{{ target.version('cuda') }}",
    "{{ target.version('nope') }}",
    "{{ target | attr('copy') }}",
    "{{ target['__class__'] }}",
    "{{ cuda.__class__ }}",
    "{{ cuda.shown }}",
    "{{ ''.format }}",
    "{{ '{0.__class__}'.format(target) }}",
    "{{ '{a}'.format_map(target) }}",
    "{{ nope._fail_with_undefined_error }}",
    "{{ nope._fail_with_undefined_error.__globals__ }}",
    "{{ range.__call__ }}",
    "{{ namespace.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.x() }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{% import 'x' as x %}",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{{ [target]|map('attr', 'copy')|list }}",
    "{{ [target]|map(attribute='__class__')|list }}",
    "{{ [target]|sum(attribute='__class__') }}",
    "{{ sm.append('1') }}",
    "{{ target.update(a=1) }}",
    "{{ target.pop('cuda') }}",
]
"""Templates that reach for what is no data."""

UNSTABLE = [
    "{{ joiner() }}",
    "{{ cycler(1, 2) }}",
    "{{ lipsum() }}",
    "{{ [1, 2, 3] | random }}",
    "{{ range }}",
    "{{ range ~ '' }}",
    "{{ [range] }}",
    "{{ [range] | join }}",
    "{{ {'a': range} | string }}",
    "{{ range | upper }}",
    "{{ '%s' % range }}",
    "{{ '%s' | format(range) }}",
    "{{ ''.upper }}",
    "{{ ''.upper ~ '' }}",
    "{{ dict }}",
    "{{ namespace() }}",
    "{% macro m() %}{% endmacro %}{{ m }}",
    "{{ target.items }}",
    "{{ 1 is sameas 1 }}",
]
"""Templates whose result would depend on chance, or on where something lies in memory."""

LARGE = [
    "{{ 'a'*10**10 }}",
    "{{ 10**10*'a' }}",
    "{{ [1]*10**9 }}",
    "{{ 10**(10**10) }}",
    "{{ 2**100000*2**100000 }}",
    "{{ 1.5 | round(1000000000) }}",
    "{{ lipsum(n=10**8) }}",
    "{{ range(10**12) }}",
    "{{ range(10**12) | list }}",
    "{{ 'a' | center(10**9) }}",
    "{{ 'a' | indent(10**9, true) }}",
    "{{ 'a'.ljust(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%.1000000000f' | format(1) }}",
    "{{ '%(a)s' * 9000 }}{{ ('%(a)s' * 9000) | format(a='x' * 60000) }}",
    "{{ ('a' * 60000) | replace('a', 'b' * 60000) }}",
    "{{ ('a' * 60000).replace('', 'b' * 60000) }}",
    "{{ (['a'] * 9000) | join('b' * 60000) }}",
    "{{ ('b' * 60000).join(['a'] * 9000) }}",
    "{% for a in range(10**9) %}x{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}" + "{% endfor %}" * 3,
    "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=(1,)) %}{% for i in range(99) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x={}) %}{% for i in range(99) %}{% set n.x = {1: n.x, 2: n.x} %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=[1], y=[1]) %}{% for i in [1] * 99 %}{% set n.x = 2 * [n.x] %}{% set n.y = 2 * [n.y] %}{% endfor %}{{ n.x == n.y }}",
    "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=9) %}{% for i in range(99) %}{% set n.x = n.x ** 9 %}{% endfor %}{{ n.x }}",
    "{% set x = 'ab' * 40000 %}{% for i in range(9999) %}{{ x[::-1] }}{% endfor %}",
    "{% set x = 'ab' * 40000 %}{% for i in range(9999) %}{% if x in x %}{% endif %}{% endfor %}",
    "{% set x = range(9999) %}{% for i in x %}{{ x | sort | sum }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "{{ ['" + "x" * 15000 + "']" + " * 1000 }}",
    "{% for i in range(9999) %}" + "x" * 15000 + "{% endfor %}",
    "{% set x %}{% for i in range(9999) %}" + "x" * 15000 + "{% endfor %}{% endset %}{{ x }}",
    "{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}",
    "{{ " + "[" * 9000 + "]" * 9000 + " }}",
    "{{ " + "-" * 15000 + "1 }}",
    "{{ " + "9" * 15000 + " }}",
    "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
    "{% if 1 %}" * 900 + "{% endif %}" * 900,
    "{{ 1 }}" * 90000,
]
"""Templates that ask for much time or memory."""

MISTAKES = ["{{ ['abc']|dotted }}", "{{ 5|dotted }}", "{{ 1/0 }}", "{{ x", "{% if %}", "{{ [][0] }}"]


@pytest.mark.parametrize("text", [*REACH, *UNSTABLE, *LARGE, *MISTAKES], ids=lambda text: text[:60])
def test_a_hostile_template_is_refused_soon(text: str) -> None:
    start = time.process_time()
    with pytest.raises(EdgebakeError) as caught:
        render(text)
    assert time.process_time() - start < 2
    assert caught.value.at == AT
    assert "0x" not in str(caught.value)


def test_a_hostile_template_needs_little_memory() -> None:
    """All of them in a process that may have 1 GB of addresses."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))"
    each = "for text in LARGE: test_a_hostile_template_is_refused_soon(text)"
    program = f"{limit}\nfrom unit.test_sandbox import *\n{each}"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[1])


def test_many_hostile_values_do_not_take_long() -> None:
    start = time.process_time()
    for number in range(100):
        with pytest.raises(EdgebakeError):
            render(f"{{% for a in range(9999) %}}{{{{ a ~ {number} }}}}{{% endfor %}}")
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ target.name }}", "board-1.0"),
        ("{{ target.platforms | join(' ') }}", "linux/arm64"),
        ("{{ target.glibc }}", "2.35"),
        ("{{ target.get('nope', 'x') }}", "x"),
        ("{{ target.base.image }}", "ubuntu:22.04"),
        ("{{ cuda.split('.') | last | int + 1 }}", "7"),
        ("{{ cuda.major ~ '-' ~ cuda.minor }}", "12-6"),
        ("{{ '%02d' % 7 }}-{{ '%s/%s' | format('a', 'b') }}", "07-a/b"),
        ("{{ '8' * 3 }}{{ 2 ** 10 }}{{ [1] + [2] }}", "8881024[1, 2]"),
        ("{% for a in sm %}{{ a }}{{ ',' if not loop.last }}{% endfor %}", "87"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% set n = namespace(x=1) %}{% for i in range(5) %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}", "11"),
        ("{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "3210"),
        ("{{ ['b', 'a'] | sort | map('upper') | join('+') }}", "A+B"),
        ("{{ 'abc'[1:] }}{{ [1, 2, 3][-1] }}{{ {'a': {'b': 2}}.a.b }}", "bc32"),
        ("{{ 'gpu' if cuda is defined and cuda >= '12' else 'cpu' }}", "gpu"),
        ("{{ nope | default('x') }}", "x"),
        ("{{ [{'v': 2}, {'v': 1}] | map(attribute='v') | sum }}", "3"),
        ("{{ 'a-b'.replace('-', '_') }}{{ 'x' | replace('x', 'y') }}", "a_by"),
        ("{{ 9999999999 }}", "9999999999"),
    ],
)
def test_what_templates_need_works(text: str, value: str) -> None:
    assert render(text) == value


def test_values_of_recipes_see_no_live_object() -> None:
    scope = target_scope(Target.model_validate(BOARD), ARM64)
    assert all(isinstance(value, str | int | tuple | dict | None) for value in scope.values())
    assert type(scope["target"]) is dict


# ── files


def own(tmp_path: Path, name: str, content: bytes) -> Templates:
    path = tmp_path / "templates" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return project_templates(tmp_path)


@pytest.mark.parametrize(
    ("content", "told", "line"),
    [
        (b"a\n{{ x", "unexpected end of template", 2),
        (b"a\n\n{{ 1/0 }}", "division by zero", 3),
        (b"\xff", "utf-8", 0),
        (b"{{ nope }}", "'nope' is undefined", 1),
        (b"{% include 'x.j2' %}", "nested too deeply", 1),
        (b"{{ project.model_dump() }}", "no attribute 'model_dump'", 1),
        (b"{{ uses.__globals__ }}", "unsafe", 1),
        (b"{{ uses }}", "a function is no text", 1),
        (b"{% for a in range(9999999) %}{% for b in range(9999999) %}{% endfor %}{% endfor %}", "does too much", 1),
    ],
)
def test_a_project_s_own_template_is_told_by_file_and_line(
    tmp_path: Path, content: bytes, told: str, line: int
) -> None:
    templates = own(tmp_path, "x.j2", content)
    with pytest.raises(EdgebakeError, match=told) as caught:
        templates.render("x.j2", project={"name": "a"}, uses=Function(len))
    assert caught.value.at is not None
    assert Path(caught.value.at.path) == tmp_path / "templates" / "x.j2"
    assert caught.value.at.line == line


def test_a_project_s_own_page_is_told_too(tmp_path: Path) -> None:
    own(tmp_path, "pages/graph.html.j2", b"{{ data.__class__ }}")
    with pytest.raises(EdgebakeError, match=r"unsafe"):
        render_page(tmp_path, "graph", data={})


def test_a_recipe_s_own_template_puts_values_between_its_text(tmp_path: Path) -> None:
    kept, text = Kept("stage"), KeptText("path/x", "input")
    scope = {"stages": {"a": kept}, "file": Function(lambda name: text), "sm": ("87",)}
    macro = "{% macro m() %}<{{ stages.a }}>{% endmacro %}"
    source = macro + "FROM {{ stages.a }} {{ file('x') }} {{ m() }} {{ sm }} {{ 1 }}"
    pieces = project_templates(tmp_path).pieces(source, scope, AT)
    assert pieces == ["FROM ", "stage", " ", "input", " ", "<", "stage", ">", " ", "('87',)", " ", "1"]
    with pytest.raises(EdgebakeError, match="it is no text"):
        project_templates(tmp_path).pieces("{{ stages.a ~ '' }}", scope, AT)
    with pytest.raises(EdgebakeError, match="does too much"):
        project_templates(tmp_path).pieces("{% for a in range(10**9) %}{% endfor %}", scope, AT)


def test_yaml_runs_no_code(tmp_path: Path) -> None:
    """The expression that ran a program on `plan`."""
    ran = tmp_path / "ran"
    attack = f'{{{{ target.parse_raw("cos\nsystem\n(S\'touch {ran}\'\ntR.", proto="pickle", allow_pickle=True) }}}}'
    project = make_project(tmp_path).recipe(**recipe("a", env={"A": attack})).images(app=["a"])
    with pytest.raises(EdgebakeError, match="parse_raw"):
        project.compile()
    assert not ran.exists()


@pytest.mark.parametrize(
    ("git", "ref"),
    [
        ("{{ '--upload-pack=touch ' ~ args.FILE }}", "v1"),
        ("{{ '-x@host:a' }}", "v1"),
        ("{{ 'ext::sh -c true' }}", "v1"),
        ("{{ '/etc' }}", "v1"),
        ("https://example.com/a", "{{ '--upload-pack=true' }}"),
        ("https://example.com/a", "{{ 'a..b' }}"),
        ("https://example.com/a", "{{ 'a b' }}"),
    ],
)
def test_git_gets_no_options_from_yaml(tmp_path: Path, git: str, ref: str) -> None:
    """What `lock` gives to `git ls-remote` is checked with its templates filled in."""
    source = {"git": git, "ref": ref}
    project = make_project(tmp_path).recipe(
        **recipe(
            "a",
            args={"FILE": str(tmp_path / "ran")},
            build={"runs_on": "build-platform", "sources": [source], "script": "build.sh"},
        )
    )
    project.write({"recipes/a/build.sh": "true\n"}).images(app=["a"])
    with pytest.raises(EdgebakeError, match=r"is not a URL|is not a tag or branch") as caught:
        [view.git_sources() for plan in plan_images(project.open()) for view in plan.views.values()]
    assert "recipes/a/recipe.json" in str(caught.value)
