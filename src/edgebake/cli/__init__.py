"""The command line."""

from edgebake.interrupt import end_at_once, ignore


def run() -> None:
    """Run the command line."""
    end_at_once()
    from edgebake.cli.main import main

    try:
        main()
    finally:
        ignore()
