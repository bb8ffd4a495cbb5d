"""Which steps of a build really ran, read from BuildKit's raw progress by nothing of edgebake's."""

from __future__ import annotations

import json
import re


def stages_that_ran(rawjson: str) -> set[tuple[str, str]]:
    """Return (stage, platform) of every step that BuildKit executed and did not take from its cache.

    `platform` is the one that the step works for: in `linux/amd64->arm64` the second; "" where a build has only one,
    which its steps do not tell.
    """
    names: dict[str, set[str]] = {}
    ran: dict[str, bool] = {}
    for line in rawjson.splitlines():
        if not line.startswith("{"):
            continue
        for vertex in json.loads(line).get("vertexes") or []:
            digest = vertex["digest"]
            names.setdefault(digest, set()).add(vertex.get("name", ""))
            if vertex.get("completed"):
                ran[digest] = not vertex.get("cached", False)
    found = set()
    for digest, executed in ran.items():
        for name in names[digest] if executed else ():
            match = re.match(r"\[(?:\S+ )*?(?:linux/(\S+) )?(\S+) \d+/\d+\] (RUN|COPY|ADD) ", name)
            if match:
                found.add((match[2], "linux/" + match[1].split("->")[-1] if match[1] else ""))
    return found
