"""Reads a recorded line of tegrastats, and asks the host's service if there is one; else it must say that."""

from pathlib import Path

import jtop
from jtop.core import tegra_parse

LINE = "RAM 2358/7620MB (lfb 10x4MB) SWAP 128/3810MB (cached 5MB) EMC_FREQ 3%@2133 GR3D_FREQ 41%@624 APE 174"

ram = tegra_parse.RAM(LINE)
assert (ram["use"], ram["tot"], ram["unit"]) == (2358, 7620, "M"), ram
assert (ram["lfb"]["nblock"], ram["lfb"]["size"]) == (10, 4), ram
swap = tegra_parse.SWAP(LINE)
assert (swap["use"], swap["tot"], swap["cached"]["size"]) == (128, 3810, 5), swap
engines = tegra_parse.VALS(LINE)
assert (engines["GR3D"]["val"], engines["GR3D"]["frq"]) == (41, 624000), engines
assert engines["EMC"]["val"] == 3, engines

if Path("/run/jtop.sock").exists():
    with jtop.jtop(interval=0.5) as board:
        assert board.ok(), "the service says nothing"
        assert 0 < board.memory["RAM"]["used"] <= board.memory["RAM"]["tot"], board.memory
    print(f"jetson-stats: {jtop.__version__}, with the host's service")
else:
    try:
        jtop.jtop().start()
    except jtop.JtopException as error:
        said = str(error)
    else:
        said = "it started"
    assert "service is not active" in said, said
    print(f"jetson-stats: {jtop.__version__}; there is no service of a host")
