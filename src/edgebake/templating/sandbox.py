"""The sandbox for templates that a project or a recipe brings.

Jinja2's own sandbox allows everything that it does not know to be unsafe, and limits neither time nor memory
(https://jinja.palletsprojects.com/en/stable/sandbox/). This one allows only what is named here: plain data, the
fields of records, and the methods, filters and tests in the lists below. Every operation whose size depends on data
is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, NamedTuple, cast

from jinja2 import (
    Environment,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
    pass_eval_context,
)
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, LoopContext, Macro, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from edgebake.errors import EdgebakeError, Position
from edgebake.templating.bounded import (
    BOUNDED_METHODS,
    bounded_range,
    check_bits,
    check_product,
    formatted,
    indented,
    joined,
    replaced,
    rounded,
)
from edgebake.templating.budget import budget, limited
from edgebake.templating.environment import Plain
from edgebake.templating.visible import Function, Kept, Pieces, Shown, charge


class Limits(NamedTuple):
    """How much a template may do: units of work, and characters in a text."""

    work: int
    text: int


VALUE = Limits(20_000, 100_000)
FILE = Limits(5_000_000, 16_000_000)
VALUE_SOURCE = 20_000  # characters of a value with templates: compiling them is not counted

_CHARGED, _CONCATENATED, _EACH = " charged", " concatenated", " each"  # no template can name these filters


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_METHODS: dict[type, frozenset[str]] = {
    str: _words(
        "capitalize casefold count endswith find index isalnum isalpha isdigit islower isupper join lower lstrip"
        " partition removeprefix removesuffix replace rfind rpartition rsplit rstrip split splitlines startswith"
        " strip title upper"
    ),
    dict: _words("get items keys values"),
    list: _words("count index"),
    tuple: _words("count index"),
}
_LOOP = _words("changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0")
# These look at the shape of their values only, so the values may be records; the others print what they get.
_STRUCTURAL = _words("count d default first last length list map reject rejectattr reverse select selectattr")
_FILTERS = _STRUCTURAL | _words(
    "abs capitalize dictsort e escape float format indent int items join lower max min replace round safe sort"
    " string sum title trim truncate unique upper urlencode wordcount"
)
_TESTS = _words(
    "!= < <= == > >= boolean defined divisibleby eq equalto escaped even false float ge greaterthan gt in integer"
    " iterable le lessthan lower lt mapping ne none number odd sequence string true undefined upper"
)


class Sandboxed(ImmutableSandboxedEnvironment, Plain):
    """An environment for templates that a project or a recipe brings. They run only within `budget.limited`."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        # Nothing is computed when a template is compiled, where nothing is counted.
        super().__init__(optimized=False, finalize=_printed, **options)
        self.globals = {"range": Function(bounded_range), "dict": Function(dict), "namespace": Function(Namespace)}
        found = self.filters | {
            "format": formatted,
            "indent": indented,
            "join": joined,
            "replace": replaced,
            "round": rounded,
        }
        self.filters = {}
        self.add_filters({name: found[name] for name in _FILTERS})
        self.filters |= {_CHARGED: _charged, _CONCATENATED: _concatenated, _EACH: _each}
        tests = cast(dict[str, Callable[..., Any]], self.tests)
        self.tests = {name: _counted(tests[name], records=True) for name in _TESTS}

    def add_filters(self, filters: Mapping[str, Callable[..., Any]]) -> None:
        """Let templates use filters."""
        self.filters |= {name: _counted(filter, name in _STRUCTURAL) for name, filter in filters.items()}

    def _generate(self, source: nodes.Template, *arguments: Any, **named: Any) -> str:
        return super()._generate(cast(nodes.Template, _Charging().visit(source)), *arguments, **named)

    def printed(self, value: Any) -> Any:
        """Return what `{{ … }}` prints: plain data as text."""
        if isinstance(value, Kept | Pieces):
            return value
        charge(value, records=False)
        return value if isinstance(value, str) else str(value)

    @staticmethod
    def concat(values: Iterable[str]) -> str:
        """Return what a template, or a macro in it, prints."""
        return "".join(_measured(values))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute that templates may see."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()
        if attribute.startswith("_"):
            return self.unsafe_undefined(obj, attribute)
        if _is_visible(obj, attribute):
            value = getattr(obj, attribute)
            return Function(value) if callable(value) and not isinstance(value, Macro) else value
        for kind, names in _METHODS.items():
            if isinstance(obj, kind) and attribute in names:
                charge(obj)
                return Function(BOUNDED_METHODS.get((kind, attribute), getattr(kind, attribute)).__get__(obj))
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item; an attribute that templates may see if there is none."""
        if isinstance(obj, str | dict | list | tuple):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        return self.getattr(obj, argument) if isinstance(argument, str) else self.undefined(obj=obj, name=argument)

    def call(__self, __context: Context, __obj: Any, *arguments: Any, **named: Any) -> Any:  # noqa: N805 as in Jinja2
        """Call a macro, or a function that templates may call."""
        if isinstance(__obj, Undefined):
            __obj()
        if not isinstance(__obj, Function | Macro | LoopContext):
            raise SecurityError("this is not a function")
        charge([*arguments, *named.values()])
        with budget().deeper():
            result = __context.call(__obj, *arguments, **named)
        charge(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operation that can make much of little."""
        charge([left, right])
        if operator == "%" and isinstance(left, str):
            return formatted(left, *(right if isinstance(right, tuple) else (right,)))
        if operator == "*":
            check_product(left, right)
            check_product(right, left)
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            check_bits(left.bit_length() * abs(right))
        result = super().call_binop(context, operator, left, right)
        charge(result)
        return result


class _Charging(NodeTransformer):
    """Rewrites a template so that what its expressions handle is counted."""

    def visit(self, node: nodes.Node, *_: Any, **__: Any) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node, nodes.For):
            node.iter = _filtered(node.iter, _EACH)
        elif isinstance(node, nodes.Compare | nodes.Operand):
            node.expr = _filtered(node.expr, _CHARGED)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            node.node = _filtered(node.node, _CHARGED)
        elif isinstance(node, nodes.Concat):
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCATENATED)
        elif isinstance(node, nodes.List | nodes.Dict | nodes.Tuple) and getattr(node, "ctx", "load") == "load":
            return _filtered(node, _CHARGED)
        return node


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, [], [], None, None, lineno=node.lineno)


# ── what goes wrong


@contextmanager
def guarded(limits: Limits, at: Position) -> Iterator[None]:
    """Run a template within. Whatever goes wrong is a mistake of the template.

    Args:
        limits: how much it may do.
        at: its file; its line is found.

    Raises:
        EdgebakeError: the template is wrong, fails, or does too much.
    """
    try:
        with limited(*limits):
            yield
    except EdgebakeError:
        raise
    except Exception as error:  # a template can cause any
        line = _line(error)
        where = Position(at.path, line, 1) if line else at
        raise EdgebakeError(f"the template is wrong: {failure(error)}", at=where) from None


def failure(error: Exception) -> str:
    """Return why a template failed."""
    if isinstance(error, TemplateError):
        return error.message or type(error).__name__
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        return "it is nested too deeply"
    return str(error) or type(error).__name__


def _line(error: Exception) -> int:
    """Return the line of the template that failed; 0 if it is not known."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    lines, trace = [0], error.__traceback__
    while trace is not None:  # Jinja2 puts frames of the template there, without the variables of other code
        if "__jinja_exception__" in trace.tb_frame.f_globals:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[-1]


# ── what is counted


def _is_visible(obj: Any, attribute: str) -> bool:
    if isinstance(obj, Shown):
        return attribute in obj.shown
    if isinstance(obj, LoopContext):
        return attribute in _LOOP
    if isinstance(obj, Namespace | TemplateModule):
        return hasattr(obj, attribute)
    fields: Container[str] = getattr(type(obj), "__dataclass_fields__", getattr(type(obj), "_fields", ()))
    return attribute in fields


def _counted(function: Callable[..., Any], records: bool) -> Callable[..., Any]:
    """Return a filter or test whose values and result are counted."""

    @wraps(function)
    def counted(*arguments: Any, **named: Any) -> Any:
        context = isinstance(arguments[0], Context | EvalContext | Environment)
        charge([*arguments[context:], *named.values()], records=records)
        result = function(*arguments, **named)
        if isinstance(result, Iterator):
            result = list(_each(result))
        charge(result)
        return result

    return counted


def _each(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        budget().spend(1)
        yield value


def _measured(values: Iterable[str]) -> list[str]:
    """Return texts whose sum is not too long."""
    found, length = [], 0
    for value in values:
        length += len(value)
        budget().spend_text(length if length > budget().text else len(value))
        found.append(value)
    return found


@pass_context
def _printed(context: Context, value: Any) -> Any:
    return cast(Sandboxed, context.environment).printed(value)


def _charged(value: Any) -> Any:
    charge(value)
    return value


@pass_eval_context
def _concatenated(context: EvalContext, values: list[Any]) -> str:
    charge(values, records=False)
    text: str = markup_join(values) if context.autoescape else str_join(values)
    charge(text)
    return text
