"""`python -m edgebake`."""

from edgebake.cli import run

if __name__ == "__main__":
    run()
