"""The command line."""

import sys


def run() -> None:
    """Run the command line; Ctrl-C is told in one line even while modules are being loaded."""
    try:
        from edgebake.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
