"""Self-contained HTML pages, from templates below `templates/pages/`.

A page holds its styles, its programs and its data, and asks no network for anything: its own policy forbids it
(https://www.w3.org/TR/CSP3/), and lets no program run but those of the templates, known by their digests. What
names say is escaped, in the page and in the data; programs only ever set it as text.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup

from edgebake.errors import Position
from edgebake.load.catalogue import builtin_root
from edgebake.templating.environment import Plain
from edgebake.templating.sandbox import FILE, Sandboxed, guarded


def render_page(root: Path, name: str, **values: Any) -> str:
    """Return a page: the template, styles and program of that name in `pages/`, over what all pages share.

    Args:
        root: the project's folder, whose `templates/` go before edgebake's.
        name: of the page.
        values: what the template sees. `data` goes to the program.
    """
    own, builtin = root / "templates", builtin_root() / "templates"
    loader = ChoiceLoader([FileSystemLoader(one) for one in (own, builtin) if one.is_dir()])
    kind = Sandboxed if own.is_dir() else Plain
    environment = kind(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)

    def source(name: str) -> Markup:
        """Return a file of styles or programs as it is: it is no template, and not escaped."""
        return Markup(loader.get_source(environment, f"pages/{name}")[0].strip("\n"))

    with guarded(FILE, Position(f"templates/pages/{name}.html.j2")) if own.is_dir() else nullcontext():
        scripts = [source("page.js"), source(f"{name}.js")]
        shared = {
            "styles": [source("page.css"), source(f"{name}.css")],
            "scripts": scripts,
            "script_digests": [_digest(script) for script in scripts],
        }
        return environment.get_template(f"pages/{name}.html.j2").render({**values, **shared})


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
