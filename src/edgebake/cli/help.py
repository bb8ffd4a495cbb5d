"""How `--help` is laid out: commands in groups with their whole summaries, and examples that can be copied."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

from typer.core import TyperCommand, TyperGroup

_EXAMPLE = re.compile(r"^Example: (.*)$", re.MULTILINE)


def summary_of(text: str) -> str:
    """Return the first sentence of a command's help, on one line."""
    paragraph = " ".join(cleandoc(text).split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph)[0]


class Group(TyperGroup):
    """A command with commands. `rich_help_panel` names the section that a command stands in."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of commands; a group stands where its first command does."""
        sections: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands), default=0)
        for name, command in self.commands.items():
            if not command.hidden:
                title = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(title, []).append((name.ljust(width), summary_of(command.help or "")))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


class Command(TyperCommand):
    """A command whose examples stand in a section of their own, not wrapped."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write the paragraphs of the help that are no examples."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_EXAMPLE.sub("", cleandoc(self.help or "")).strip())

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments without their types in Python, and the options."""
        records = [(param, record) for param in self.get_params(ctx) if (record := param.get_help_record(ctx))]
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            rows = [(name, text) for param, (name, text) in records if param.param_type_name == kind]
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name.partition(" <")[0], text) for name, text in rows])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in _EXAMPLE.findall(cleandoc(self.help or "")):
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")
