"""The steps that several kinds of stages have in common: system packages, scripts, certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgebake.graph.context import BuildContext
from edgebake.graph.inputs import Input
from edgebake.graph.ops import Arg, Bind, Cache, Command, Copy, Mount, Op, Run, Secret, StageRef
from edgebake.graph.view import RecipeView

RUN_FOLDER = "/run/eb"
"""Where steps find what is mounted for them; nothing of it is left in a layer."""
CA_SECRET = "ca-bundle"
"""The secret with the project's certificates."""
PIP_CACHE = Cache("eb-pip", "/root/.cache/pip")
NETRC = "netrc"
"""The project's secret with the logins for package indexes."""
_QUIET_APT = {"DEBIAN_FRONTEND": "noninteractive"}  # it asks nothing
_WITH_CA = f"{RUN_FOLDER}/with-ca.sh"


class Steps:
    """Makes the steps of one target's stages.

    Args:
        context: finds edgebake's scripts, and says whether steps trust certificates of the project's.
        os: the target's distribution, which caches are kept apart by.
    """

    def __init__(self, context: BuildContext, os: str) -> None:
        self.os = os.replace(":", "-")
        self._context = context

    def refresh(self) -> tuple[Op, ...]:
        """Return what has unversioned system packages installed again, once the lock counts up."""
        refresh = self._context.lock.refresh if self._context.lock else 0
        return (Arg(("SYSTEM_REFRESH",), str(refresh)),) if refresh else ()

    def apt(self, packages: Sequence[str], arch: str) -> tuple[Op, ...]:
        """Return what installs system packages; nothing if there are none.

        Args:
            packages: with their versions, if they have any.
            arch: the build argument that names the architecture where it runs; the stage declares it.
        """
        if not packages:
            return ()
        place = f"{self.os}-${{{arch}}}"
        install = ("apt-get", "install", "-y", "--no-install-recommends")
        run = Run(
            commands=(Command(("apt-get", "update")), Command(install, tuple(packages), tuple(_QUIET_APT.items()))),
            mounts=(
                Cache(f"eb-apt-{place}", "/var/cache/apt", locked=True),
                Cache(f"eb-apt-lists-{place}", "/var/lib/apt/lists", locked=True),
            ),
        )
        return (*self.refresh(), self.online(run))

    def logins(self) -> tuple[Secret, ...]:
        """Return the mount of the logins for package indexes, if the project has any."""
        return (Secret(NETRC),) if NETRC in self._context.secrets else ()

    def helper(self, name: str) -> Bind:
        """Return the mount of a script of edgebake's own."""
        return Bind(self._context.helper(name), f"{RUN_FOLDER}/{name}")

    def online(self, run: Run) -> Run:
        """Return commands that use the network, so that they trust the project's certificates if it has any."""
        if not self._context.certificates:
            return run
        wrapped = (
            replace(command, words=("bash", _WITH_CA, *command.words)) if isinstance(command, Command) else command
            for command in run.commands
        )
        mounts: tuple[Mount, ...] = (*run.mounts, self.helper("with-ca.sh"), Secret(CA_SECRET))
        return replace(run, commands=tuple(wrapped), mounts=mounts)


def quiet_apt(view: RecipeView, script: str) -> dict[str, str]:
    """Return the variable that keeps apt from asking, for a script that mentions it."""
    return _QUIET_APT if view.named_in(script, ("apt",)) else {}


def copy(source: Input | str, dest: str, stage: StageRef | None = None) -> Copy:
    """Return the copy of one file or folder into a layer of its own."""
    return Copy((source,), dest, stage)
