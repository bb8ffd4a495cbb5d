"""What `edgebake run` prints: why it starts a container so, and what the container used."""

from __future__ import annotations

from edgebake.cli.console import Renderable, table
from edgebake.cli.format.bench import size
from edgebake.host.launch import Prepared
from edgebake.host.monitor import Usage
from edgebake.text.words import counted


def text(prepared: Prepared) -> Renderable:
    """Return a table of the flags, each with its reason."""
    rows = [(" ".join(flag.words), flag.why) for flag in prepared.flags]
    rows.append((prepared.image.reference, "the image"))
    if prepared.command:
        rows.append((" ".join(prepared.command), "the command in it, as asked"))
    return table(("FLAG", "WHY"), rows, wrap=("FLAG", "WHY"))


def usage(used: Usage) -> str:
    """Return what a container used, on one line."""
    if not used.cpu:
        return f"{used.seconds:.1f} s; no sample: it ended too soon"
    cpu = f"CPU {sum(used.cpu) / len(used.cpu):.0f} % (at most {max(used.cpu):.0f} %) of a core"
    gpu = f"at most {size(max(used.gpu_memory))}, of all programs" if used.gpu_memory else "unknown"
    samples = f"{used.seconds:.1f} s, {counted(len(used.cpu), 'sample')}"
    return "; ".join([samples, cpu, f"memory at most {size(max(used.memory))}", f"GPU memory {gpu}"])
