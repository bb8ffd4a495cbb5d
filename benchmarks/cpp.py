"""A C++ program of generated files, and the recipe that builds it: what the cross and size benchmarks compile."""

from __future__ import annotations

import json
from pathlib import Path

_UNIT = """\
#include <algorithm>
#include <map>
#include <numeric>
#include <regex>
#include <string>
#include <vector>
// {salt}
long unit_{number}(const std::string &text) {{
    std::map<std::string, std::vector<long>> found;
    const std::regex word("([a-z]+)([0-9]*)");
    for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at)
        found[(*at)[1].str()].push_back(at->length() * {number}L);
    long sum = 0;
    for (auto &[name, lengths] : found) {{
        std::stable_sort(lengths.begin(), lengths.end());
        sum += std::accumulate(lengths.begin(), lengths.end(), static_cast<long>(name.size()));
    }}
    return sum;
}}
"""
BUILD = """\
cd "$SRC"
for file in *.cpp; do "${CXX:-g++}" -std=c++17 -O2 -c "$file" -o "${file%.cpp}.o"; done
mkdir -p "$OUT/bin"
"${CXX:-g++}" -static ./*.o -o "$OUT/bin/units"
"""


def write_sources(folder: Path, units: int, salt: str) -> None:
    """Write the program: so many files that take a compiler seconds each, and one that calls them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(units):
        (folder / f"unit{number}.cpp").write_text(_UNIT.format(number=number, salt=salt), encoding="utf-8")
    declared = "".join(f"long unit_{number}(const std::string &);\n" for number in range(units))
    calls = " + ".join(f'unit_{number}("a1 bb22 ccc333")' for number in range(units))
    main = f'#include <cstdio>\n#include <string>\n{declared}int main() {{ std::printf("%ld\\n", {calls}); }}\n'
    (folder / "main.cpp").write_text(main, encoding="utf-8")


def answer(units: int) -> int:
    """Return what the program prints: of three words their names' lengths, and their own times the unit's number."""
    return sum(1 + 2 + 3 + number * (2 + 4 + 6) for number in range(units))


def write_project(root: Path, units: int, runs_on: str, platform: str, salt: str) -> None:
    """Write a project whose image `units` has the program, compiled where `runs_on` says, and a test of it."""
    recipe = {
        "name": "units",
        "summary": "A C++ program",
        "layer": "library",
        "build": {
            "runs_on": runs_on,
            "tools": ["build-essential"],
            "sources": [{"path": "src"}],
            "script": "build.sh",
        },
        "install": {"artifacts": {"/": "/usr/local"}},
        "test": {"script": "test.sh", "timeout": 60},
    }
    place = root / "recipes/units"
    write_sources(place / "src", units, salt)
    (place / "recipe.yaml").write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    (place / "build.sh").write_text(BUILD, encoding="utf-8")
    (place / "test.sh").write_text(f'test "$(/usr/local/bin/units)" = {answer(units)}\n', encoding="utf-8")
    project = {
        "registry": f"localhost:5000/benchmark/{salt}",
        "images": {"units": {"recipes": ["units"], "targets": ["cpu"], "platforms": [platform]}},
    }
    (root / "edgebake.yaml").write_text(json.dumps(project, indent=1), encoding="utf-8")
