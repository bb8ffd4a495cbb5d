"""Operations: how each reads in a Dockerfile, what its canonical form is, and what follows from several."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from edgebake.graph import ops
from edgebake.graph.canonical import canonical
from edgebake.graph.inputs import Input, OwnRequirements
from edgebake.graph.node import Stage, node_id
from edgebake.graph.operations import Operations
from edgebake.graph.ops import (
    NATIVE,
    Add,
    Arg,
    Bind,
    Cache,
    Cmd,
    Command,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Health,
    Label,
    Op,
    Raw,
    Run,
    SearchPath,
    Secret,
    Shell,
    Ssh,
    StageRef,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from edgebake.render.dockerfile import Printer
from edgebake.templating.templates import project_templates

OTHER, THIRD = StageRef("a" * 20), StageRef("b" * 20)
OWN = Input("project", "app/my file", Path("/project/app/my file"))
SHARED = Input("vendored", "numpy/test.py", Path("/catalogue/numpy/test.py"))
HELPER = Input("helper", "run-build.sh", Path("/templates/run-build.sh"))
CONSTRAINTS = Input("constraints", "0123.txt", content=b"numpy\n")

CASES: dict[str, tuple[Op, str, str]] = {
    "a command": (
        Run(("rm -f /etc/motd",)),
        "RUN rm -f /etc/motd",
        '{"Run":{"commands":["rm -f /etc/motd"]}}',
    ),
    "words": (
        Run((Command(("echo", "two words", "$HOME")),)),
        "RUN echo 'two words' '$HOME'",
        '{"Run":{"commands":[{"Command":{"words":["echo","two words","$HOME"]}}]}}',
    ),
    "several commands on one line": (
        Run((Command(("mkdir", "/data")), Command(("chown", "app", "/data"))), comment="Why."),
        "# Why.\nRUN mkdir /data && chown app /data",
        '{"Run":{"commands":[{"Command":{"words":["mkdir","/data"]}},{"Command":{"words":["chown","app","/data"]}}]}}',
    ),
    "packages and mounts": (
        Run(
            (Command(("apt-get", "update")), Command(("apt-get", "install"), ("a", "b=1.*"), (("Q", "1"),))),
            (Cache("apt", "/var/cache/apt", locked=True), Secret("ca-bundle"), Ssh()),
        ),
        (
            "RUN --mount=type=cache,id=apt,target=/var/cache/apt,sharing=locked \\\n"
            "    --mount=type=secret,id=ca-bundle,mode=0444 \\\n"
            "    --mount=type=ssh,id=default \\\n"
            "    apt-get update && \\\n"
            "    Q=1 apt-get install \\\n"
            "        a \\\n"
            "        'b=1.*'"
        ),
        (
            '{"Run":{"commands":[{"Command":{"words":["apt-get","update"]}},{"Command":{"words":["apt-get","install"],'
            '"items":["a","b=1.*"],"env":[["Q","1"]]}}],"mounts":[{"Cache":{"id":"apt","target":"/var/cache/apt",'
            '"locked":true}},{"Secret":{"id":"ca-bundle"}},{"Ssh":{}}]}}'
        ),
    ),
    "variables and a timeout": (
        Run((Command(("bash", "/b.sh")),), (Bind(SHARED, "/b.sh"), From(OTHER, "/w")), (("A", "b c"),), 60),
        (
            "RUN --mount=type=bind,source=bake/context/numpy/test.py,target=/b.sh \\\n"
            "    --mount=type=bind,from=eb-other,target=/w \\\n"
            "    A='b c' timeout 60 bash /b.sh"
        ),
        (
            '{"Run":{"commands":[{"Command":{"words":["bash","/b.sh"]}}],"mounts":[{"Bind":{"source":{"input":'
            '["vendored","numpy/test.py"]},"target":"/b.sh"}},{"From":{"stage":{"stage":0},"target":"/w"}}],'
            '"env":[["A","b c"]],"timeout":60}}'
        ),
    ),
    "variables of several commands": (
        Run((Command(("a",)), Command(("b",))), (Bind(CONSTRAINTS, "/c"),), (("A", "1"),)),
        "RUN --mount=type=bind,source=bake/context/constraints/0123.txt,target=/c \\\n    export A=1 && \\\n    a && b",
        (
            '{"Run":{"commands":[{"Command":{"words":["a"]}},{"Command":{"words":["b"]}}],"mounts":[{"Bind":{"source":'
            '{"input":["constraints",""]},"target":"/c"}}],"env":[["A","1"]]}}'
        ),
    ),
    "a copy from the context": (
        Copy((OWN,), "/app/"),
        'COPY --link ["app/my file", "/app/"]',
        '{"Copy":{"sources":[{"input":["project","app/my file"]}],"dest":"/app/"}}',
    ),
    "a copy from a stage": (
        Copy(("/out",), "/", OTHER, mode="0755"),
        "COPY --link --chmod=0755 --from=eb-other /out /",
        '{"Copy":{"sources":["/out"],"dest":"/","stage":{"stage":0},"mode":"0755"}}',
    ),
    "a copy of the stage's own requirements": (
        Copy((OwnRequirements(),), "/r.txt", link=False),
        "COPY bake/cpu/requirements/eb-own.${TARGETARCH}.txt /r.txt",
        '{"Copy":{"sources":[{"OwnRequirements":{}}],"dest":"/r.txt","link":false}}',
    ),
    "a download": (
        Add("https://example.org/a.tgz", "/src/", "d" * 64),
        f"ADD --link --checksum=sha256:{'d' * 64} https://example.org/a.tgz /src/",
        '{"Add":{"source":"https://example.org/a.tgz","dest":"/src/","checksum":"' + "d" * 64 + '"}}',
    ),
    "variables of the image": (
        Env((("A", "$x"), ("B", ""))),
        'ENV A="\\$x"\nENV B=""',
        '{"Env":{"values":[["A","$x"],["B",""]]}}',
    ),
    "the search path": (
        SearchPath(("/a", "/b")),
        'ENV PATH="/a:/b:${PATH}"',
        '{"SearchPath":{"folders":["/a","/b"]}}',
    ),
    "arguments": (
        Arg(("BUILDARCH", "TARGETARCH")),
        "ARG BUILDARCH TARGETARCH",
        '{"Arg":{"names":["BUILDARCH","TARGETARCH"]}}',
    ),
    "an argument with a default": (Arg(("N",), "1"), "ARG N=1", '{"Arg":{"names":["N"],"default":"1"}}'),
    "a user": (User("app"), "USER app", '{"User":{"name":"app"}}'),
    "a folder": (Workdir("/app"), "WORKDIR /app", '{"Workdir":{"path":"/app"}}'),
    "a folder with an odd name": (Workdir("/a b"), 'WORKDIR "/a b"', '{"Workdir":{"path":"/a b"}}'),
    "a shell": (Shell(("/bin/bash", "-c")), 'SHELL ["/bin/bash", "-c"]', '{"Shell":{"words":["/bin/bash","-c"]}}'),
    "labels": (Label((("a.b", 'c"'),)), 'LABEL a.b="c\\""', '{"Label":{"values":[["a.b","c\\""]]}}'),
    "ports": (Expose(("80", "9/udp")), "EXPOSE 80 9/udp", '{"Expose":{"ports":["80","9/udp"]}}'),
    "volumes": (Volume(("/data",)), 'VOLUME ["/data"]', '{"Volume":{"paths":["/data"]}}'),
    "a health check": (
        Health(("a", "b"), 30, 5, 10, 3),
        'HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \\\n    CMD ["a", "b"]',
        '{"Health":{"words":["a","b"],"interval":30,"timeout":5,"start_period":10,"retries":3}}',
    ),
    "a signal": (StopSignal("SIGINT"), "STOPSIGNAL SIGINT", '{"StopSignal":{"name":"SIGINT"}}'),
    "an entrypoint": (Entrypoint(("a",)), 'ENTRYPOINT ["a"]', '{"Entrypoint":{"words":["a"]}}'),
    "a command of the container": (Cmd(()), "CMD []", '{"Cmd":{"words":[]}}'),
    "a template": (
        Raw(("# Why.\nCOPY --from=", OTHER, " ", HELPER, " /x\n", Arg(("A",)), "\nRUN true"), (HELPER,)),
        "# Why.\nCOPY --from=eb-other bake/context/edgebake/run-build.sh /x\nARG A\nRUN true",
        (
            '{"Raw":["COPY --from=\\u0000 \\u0000 /x\\n\\u0000\\nRUN true",[{"stage":0},{"input":["helper","run-build.sh"]},'
            '{"Arg":{"names":["A"]}}],[{"input":["helper","run-build.sh"]}]]}'
        ),
    ),
}


def printed(tmp_path: Path, *parts: Op) -> str:
    macros = project_templates(tmp_path).macros("dockerfile/Dockerfile.j2")
    printer = Printer(macros, "cpu", "bake", {OTHER.id: "eb-other", THIRD.id: "eb-third"})
    return printer.lines("eb-own", Stage(ops=Operations(parts)))


@pytest.mark.parametrize("name", CASES)
def test_each_operation_reads_as_written_by_hand(tmp_path: Path, name: str) -> None:
    op, text, _ = CASES[name]
    assert printed(tmp_path, op) == text


@pytest.mark.parametrize("name", CASES)
def test_each_operation_has_a_canonical_form(name: str) -> None:
    op, _, form = CASES[name]
    assert canonical(op) == form


def test_each_kind_of_operation_and_mount_has_a_case() -> None:
    found = {type(op) for op, _, _ in CASES.values()}
    found |= {type(mount) for op, _, _ in CASES.values() if isinstance(op, Run) for mount in op.mounts}
    assert found == {*get_args(ops.Op), *get_args(ops.Mount)}


@pytest.mark.parametrize("name", CASES)
def test_every_field_but_the_comment_counts(name: str) -> None:
    op: Any = CASES[name][0]
    others: dict[type, Any] = {bool: False, int: 7, str: "other", tuple: ("other",), StageRef: THIRD}
    for field in fields(op):
        value = getattr(op, field.name)
        if value is None or isinstance(op, Raw) or (field.name == "stage"):  # a reference is known by its place
            continue
        changed = replace(op, **{field.name: not value if isinstance(value, bool) else others[type(value)]})
        assert (canonical(changed) == canonical(op)) == (field.name == "comment"), field.name


def test_other_stages_are_known_by_their_places() -> None:
    first = Operations([Copy(("/a",), "/a", OTHER), Copy(("/b",), "/b", THIRD), Copy(("/c",), "/c", OTHER)])
    swapped = Operations([Copy(("/a",), "/a", THIRD), Copy(("/b",), "/b", OTHER), Copy(("/c",), "/c", THIRD)])
    other = Operations([Copy(("/a",), "/a", OTHER), Copy(("/b",), "/b", THIRD), Copy(("/c",), "/c", THIRD)])
    assert (first.references, swapped.references) == ((OTHER, THIRD), (THIRD, OTHER))
    assert first.digest == swapped.digest != other.digest
    ids = {node_id("install", "x", {"linux/amd64": Stage(ops=each)}) for each in (first, swapped, other)}
    assert len(ids) == 3


def test_what_follows_from_operations() -> None:
    run = Run(("true",), (Bind(SHARED, "/t"), From(OTHER, "/o"), Secret("ca-bundle")))
    found = Operations([Arg(("TARGETARCH",)), run, Copy((OWN,), "/"), Workdir("/"), Env((("A", "1"),))])
    assert (found.layers, found.runs, found.knows_platform) == (3, True, True)
    assert found.inputs == (SHARED, OWN)
    assert found.references == (OTHER,)
    assert found.secrets == {"ca-bundle"}
    assert not Operations([Copy((OWN,), "/")]).runs
    assert not Operations([run]).knows_platform


def test_what_follows_from_a_template() -> None:
    text = "ARG TARGETARCH\nRUN make\nCOPY --from="
    found = Operations([Raw((text, THIRD, " /a /a\n", Run(("true",), (From(OTHER, "/o"),)), "\n"), (SHARED,))])
    assert (found.layers, found.runs, found.knows_platform) == (3, True, True)
    assert found.references == (THIRD, OTHER)
    assert found.inputs == (SHARED,)


def test_a_stage_that_begins_elsewhere_is_another_one() -> None:
    ops = Operations([Run(("true",))])
    bodies = [Stage(ops=ops), Stage(NATIVE, ops), Stage(OTHER, ops)]
    assert len({node_id("install", "x", {"linux/amd64": body}) for body in bodies}) == 3
    assert [body.parents for body in bodies] == [(), (), (OTHER.id,)]
