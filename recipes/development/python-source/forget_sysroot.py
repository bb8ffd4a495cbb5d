"""Takes the sysroot's paths, which an image does not have, out of what Python says of its compiling."""

import pprint
import re
import sys
from pathlib import Path

out, sysroot = Path(sys.argv[1]), sys.argv[2]
root = re.escape(sysroot)
option = re.compile(
    rf"'PKG_CONFIG_[A-Z]+=[^']*{root}[^']*'"  # an argument of configure
    rf"|-(?:idirafter|I|L|Wl,--sysroot=|Wl,-rpath-link,) ?{root}[^\s'\":]*"
)
FILES = (
    "_sysconfigdata_*.py",
    "_sysconfig_vars_*.json",
    "build-details.json",
    "Makefile",
    "*.pc",
    "python*-config*",
)


def rewrite(path: Path) -> None:
    """Rewrite a file; Python's own record of it is a dictionary whose long texts are broken anywhere."""
    text = path.read_text(encoding="utf-8")
    if path.name.startswith("_sysconfigdata_"):
        found: dict = {}
        exec(text, found)
        kept = {k: option.sub("", v) if isinstance(v, str) else v for k, v in found["build_time_vars"].items()}
        new = f"build_time_vars = {pprint.pformat(kept)}\n"
    else:
        new = option.sub("", text)
    assert sysroot not in new, f"{path.name} still names {sysroot}"
    path.write_text(new, encoding="utf-8")


for pattern in FILES:
    for path in sorted(out.rglob(pattern)):
        if path.is_file() and not path.is_symlink():
            rewrite(path)
