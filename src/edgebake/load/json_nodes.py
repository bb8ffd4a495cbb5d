"""JSON text as YAML nodes, so that both kinds of file share the code for data and positions."""

from __future__ import annotations

import json
import re
from bisect import bisect_right

import yaml

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+')
_MAP, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_TEXT, _NOTHING = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"


def compose_json(text: str) -> yaml.Node:
    """Return the root node of a JSON text. Numbers and booleans are text; null is an empty plain value.

    Raises:
        json.JSONDecodeError: the text is not JSON.
        RecursionError: it is nested too deeply.
    """
    json.loads(text)
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
    root: list[yaml.Node] = []
    # Each open mapping or list, with the key that has no value yet.
    open_nodes: list[tuple[yaml.CollectionNode, list[yaml.Node]]] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "]}":
            open_nodes.pop()
            continue
        line = bisect_right(line_starts, match.start()) - 1
        mark = yaml.Mark("", match.start(), line, match.start() - line_starts[line], None, 0)
        node = _node(token, mark)
        parent, open_key = open_nodes[-1] if open_nodes else (None, root)
        if isinstance(parent, yaml.SequenceNode):
            parent.value.append(node)
        elif parent and open_key:
            parent.value.append((open_key.pop(), node))
        else:
            open_key.append(node)
        if isinstance(node, yaml.CollectionNode):
            open_nodes.append((node, []))
    return root[0]


def _node(token: str, mark: yaml.Mark) -> yaml.Node:
    if token == "{":
        return yaml.MappingNode(_MAP, [], mark, mark)
    if token == "[":
        return yaml.SequenceNode(_SEQUENCE, [], mark, mark)
    if token == "null":
        return yaml.ScalarNode(_NOTHING, "", mark, mark)
    if token.startswith('"'):
        return yaml.ScalarNode(_TEXT, json.loads(token), mark, mark, style='"')
    return yaml.ScalarNode(_TEXT, token, mark, mark)
