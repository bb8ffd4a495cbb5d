"""`edgebake artifacts`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import CaBundle
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgebake.artifacts.facts import Facts
    from edgebake.artifacts.layout import Layout
    from edgebake.registry.client import RegistryClient
    from edgebake.registry.reference import Repository

app = typer.Typer(
    help="What build halves left, in a folder: shared with other machines, and served to pip.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of artifacts (`bake --artifacts`).")]
Place = Annotated[str, typer.Argument(metavar="REPOSITORY", help="A repository of a registry; `stacks` will do.")]
Match = Annotated[
    list[str] | None,
    typer.Option("--match", "-m", metavar="NAME=VALUE", help="Only with this fact: python=cp310; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MATCHED = ("recipe", "release", "platform", "target", "python", "cuda", "sm")


@app.command("list")
def list_artifacts(folder: Folder, match: Match = None, json_output: Json = False) -> None:
    """List the artifacts in a folder, with what they are for.

    --match narrows it by what a machine has: its Python, CUDA and GPU architecture.

    Example: edgebake artifacts list /srv/artifacts --match sm=sm87 --match python=cp310
    """
    from edgebake.artifacts.pip_index import entries_with_facts
    from edgebake.text.table import as_table

    wanted, layout = _wanted(match), _there(folder)
    found = [(entry, facts) for entry, facts in entries_with_facts(layout) if facts.fits(wanted)]
    if json_output:
        import json
        from dataclasses import asdict

        rows = [
            {"key": entry.key, "digest": entry.digest, **asdict(facts), "wheels": dict(facts.wheels)}
            for entry, facts in found
        ]
        typer.echo(json.dumps({"version": 1, "artifacts": rows}, indent=2))
        return
    head = ["ARTIFACT", "FOR", "PLATFORM", "PYTHON", "CUDA", "SM", "WHEELS"]
    typer.echo(as_table([head, *(_row(facts) for _, facts in found)]))


def _row(facts: Facts) -> list[str]:
    wheels = str(len(facts.wheels)) if facts.wheels else "-"
    title = f"{facts.recipe} {facts.release}".strip()
    return [title, facts.target, facts.platform, facts.python or "-", facts.cuda, facts.sm, wheels]


@app.command("check")
def check(folder: Folder) -> None:
    """Read every byte of a folder, and take out what is damaged. Exit code 3 if something was.

    What is taken out is built again by the next bake, or fetched again by `artifacts pull`.

    Example: edgebake artifacts check /srv/artifacts
    """
    from edgebake.artifacts.pip_index import write_indexes
    from edgebake.artifacts.registry import damaged
    from edgebake.errors import EXIT_CHECK

    layout = _there(folder)
    entries = layout.entries()
    wrong = damaged(layout, entries)
    for key, why in wrong.items():
        typer.echo(f"{key}: {why}")
    if wrong:
        layout.remove(wrong)
        write_indexes(layout)
        typer.echo(f"{len(wrong)} of {len(entries)} were damaged, and are taken out.")
        raise typer.Exit(EXIT_CHECK)
    typer.echo(f"{len(entries)} are whole.")


@app.command("prune")
def prune(
    folder: Folder,
    limit: Annotated[str, typer.Option("--limit", metavar="SIZE", help="What may stay: 500MB, 20GB.")],
) -> None:
    """Take out what was used least recently, until the rest fits.

    For a folder on a disk that is not large. What is gone is built again when it is needed.

    Example: edgebake artifacts prune /srv/artifacts --limit 20GB
    """
    from edgebake.artifacts.pip_index import write_indexes
    from edgebake.artifacts.size import parse_size, told_size

    layout = _there(folder)
    gone = layout.prune(parse_size(limit, "--limit"))
    write_indexes(layout)
    for entry in gone:
        typer.echo(entry.key)
    typer.echo(f"{len(gone)} taken out, {len(layout.entries())} left: {told_size(layout.size())}.")


@app.command("index")
def index(folder: Folder) -> None:
    """Write the indexes of the wheels in a folder anew: wheels/CUDA/SM/simple/, for pip's --index-url.

    A bake, pull, prune and check do so, too.

    Example: edgebake artifacts index /srv/artifacts
    """
    from edgebake.artifacts.pip_index import write_indexes

    for wheel in write_indexes(_there(folder)):
        typer.echo(f"wheels/{wheel.place}/{wheel.name}")


@app.command("push")
def push(folder: Folder, place: Place, ca_bundle: CaBundle = None) -> None:
    """Push what a folder has and a registry has not.

    A repository of `stacks` serves every bake then.

    Example: edgebake artifacts push /srv/artifacts ghcr.io/acme/stacks
    """
    with Waiting("asking the registry") as waiting:
        from edgebake.artifacts.registry import push as push_artifacts

        client, repository = _registry(place, ca_bundle)
        pushed = push_artifacts(_there(folder), client, repository, _warner(waiting))
    for key in pushed:
        typer.echo(f"{repository}:{key}")
    typer.echo(f"{len(pushed)} pushed.")


@app.command("pull")
def pull(place: Place, folder: Folder, match: Match = None, ca_bundle: CaBundle = None) -> None:
    """Fetch the artifacts that fit from a registry into a folder.

    What is damaged here is fetched again. The folder then serves bakes without a network, and pip by its indexes.

    Example: edgebake artifacts pull ghcr.io/acme/stacks /srv/artifacts -m cuda=cu126-tegra -m python=cp310
    """
    with Waiting("asking the registry") as waiting:
        from edgebake.artifacts.layout import Layout
        from edgebake.artifacts.pip_index import write_indexes
        from edgebake.artifacts.registry import pull as pull_artifacts

        client, repository = _registry(place, ca_bundle)
        layout = Layout(folder)
        pulled = pull_artifacts(layout, client, repository, _wanted(match), _warner(waiting))
        if pulled:
            write_indexes(layout)
    for key in pulled:
        typer.echo(key)
    typer.echo(f"{len(pulled)} fetched.")


def _warner(waiting: Waiting) -> Callable[[str], None]:
    """Return what tells a warning."""
    return lambda line: waiting.tell(f"warning: {line}")


def _there(folder: Path) -> Layout:
    from edgebake.artifacts.layout import Layout
    from edgebake.errors import EdgebakeError

    if not (folder / "index.json").is_file():
        raise EdgebakeError(
            f"{str(folder)!r} is no folder of artifacts", hints=("edgebake bake --artifacts DIR makes one",)
        )
    return Layout(folder)


def _wanted(match: list[str] | None) -> dict[str, str]:
    from edgebake.cli.options import pairs
    from edgebake.errors import EdgebakeError, did_you_mean

    wanted = pairs(match, "--match")
    for name in wanted:
        if name not in MATCHED:
            known = f"there are {', '.join(MATCHED)}"
            raise EdgebakeError(
                f"--match: an artifact has no {name!r}", hints=(*did_you_mean(name, MATCHED, kind="fact"), known)
            )
    return wanted


def _registry(place: str, ca_bundle: str | None) -> tuple[RegistryClient, Repository]:
    import os

    from edgebake.registry.client import RegistryClient
    from edgebake.registry.reference import parse_repository

    return RegistryClient(os.environ, Path(ca_bundle) if ca_bundle else None), parse_repository(place)
