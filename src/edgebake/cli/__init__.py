"""The command line."""

import gc
import os

from edgebake.interrupt import end_at_once, ignore


def run() -> None:
    """Run the command line, or answer a shell that asks for completions. Ends the process."""
    end_at_once()
    gc.disable()  # a command is short and leaves few cycles; collecting costs a large compile a sixth of its time
    if "_EDGEBAKE_COMPLETE" in os.environ:
        from edgebake.cli.completion import answer

        answer()
    from edgebake.cli.main import main

    try:
        main()
    finally:
        ignore()
