"""Each rule of the lint: a project that it objects to, and one that it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgebake.lint.finding import Finding
from edgebake.lint.rules import RULES, context, images
from edgebake.lint.run import lint
from edgebake.lint.subject import project_subject, recipes_subject
from edgebake.lock.locker import render_lock
from edgebake.model.lock import Lock
from integration.projects import BOARD, CATALOGUE, CPU, Project, make_project, needs, recipe

COMMIT = "c" * 40
SHA256 = "5" * 64
GPU = {
    **{key: value for key, value in BOARD.items() if key != "jetpack"},
    "name": "gpu-12.8",
    "family": "cuda",
    "cuda": "12.8",
    "cuda_flavour": "sbsa",
    "tag_suffix": "gpu",
    "base": {"image": "nvidia/cuda:12.8.1-base"},
}


def good(name: str = "app", **fields: Any) -> dict[str, Any]:
    """Return a recipe that no rule objects to; its test is `test.sh`."""
    return {"license": "MIT", "test": {"script": "test.sh"}, **recipe(name), **fields}


def project_of(
    folder: Path, *, files: dict[str, str] | None = None, image: dict[str, Any] | None = None, **fields: Any
) -> Project:
    """Return a locked project with one image, of one recipe `app` with these fields; `files` are the recipe's."""
    project = make_project(folder, targets=(CPU, BOARD, GPU))
    project.recipe(**good(**fields))
    project.write({f"recipes/app/{name}": text for name, text in {"test.sh": "true\n", **(files or {})}.items()})
    project.images(app={"recipes": ["app"], "targets": ["cpu"], **(image or {})})
    project.lock()
    return project


def found(project: Project, rule: str = "") -> list[Finding]:
    """Return the findings of one rule, or of all."""
    findings = lint(project_subject(project.open())).findings
    return [finding for finding in findings if rule in ("", finding.rule.id)]


def told(project: Project, rule: str) -> list[str]:
    return [f"{finding.at}: {finding.message}" for finding in found(project, rule)]


def source(**fields: str) -> dict[str, Any]:
    return {"runs_on": "build-platform", "script": "build.sh", "sources": [fields]}


BUILD = {"build.sh": "true\n"}
SERVICE = {"runtime": {"expose": ["8080"]}}
HEALTHY = {"runtime": {"expose": ["8080"], "healthcheck": {"cmd": ["true"]}}}
STORE = {"runtime": {"volumes": ["/data"], "entrypoint": ["serve"]}}
GIT = "https://example.com/x.git"
URL = "https://example.com/x.tgz"


def script(text: str) -> dict[str, Any]:
    return {"install": {"script": "install.sh"}, "files": {"install.sh": text}}


def test_a_project_without_fault_has_no_findings(tmp_path: Path) -> None:
    assert found(project_of(tmp_path)) == []


# rule, a project that it objects to, one that it does not
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("root-user", {"runtime": {"user": "root"}}, {"runtime": {"user": "app"}}),
    ("root-user", {"image": {"runtime": {"user": "root"}}}, {}),
    ("missing-healthcheck", SERVICE, HEALTHY),
    ("missing-healthcheck", STORE, {"runtime": {"volumes": ["/data"]}}),
    ("missing-test", {"test": None}, {}),
    ("missing-licence", {"license": None}, {}),
    ("unpinned-git", {"build": source(git=GIT, ref="v1"), "files": BUILD}, {"build": source(git=GIT, ref="v1", commit=COMMIT), "files": BUILD}),
    ("unpinned-git", script(f"git clone --depth 1 {GIT} x\n"), script(f"git clone {GIT} x\ngit -C x checkout {COMMIT}\n")),
    ("unpinned-git", script(f"pip install 'x @ git+{GIT}@main'\n"), script(f"pip install 'x @ git+{GIT}@{COMMIT}'\n")),
    ("unpinned-git", {"install": {"pip": [f"x @ git+{GIT}@main"]}}, {"install": {"pip": [f"x @ git+{GIT}@{COMMIT}"]}}),
    ("unpinned-download", {"build": source(url=URL), "files": BUILD}, {"build": source(url=URL, sha256=SHA256), "files": BUILD}),
    ("unpinned-download", script(f"curl -fsSL {URL} -o x\n"), script(f'curl -fsSL {URL} -o x\necho "$SUM  x" | sha256sum -c\n')),
    ("unpinned-download", script('if true; then\n  sudo wget -q "$URL" \\\n    -O x\nfi\n'), script('apt-get install -y curl wget  # curl https://x\necho "curl https://x"\n')),
    ("unpinned-download", script(f"curl {URL} | bash\nsha256sum -c sums\n"), script("curl -f http://localhost:8080/health | bash\n")),
    ("unpinned-download", script('x=$(curl "$URL")\n'), script("curl --version\ncat <<'EOF'\ncurl https://x\nEOF\n")),
    ("unpinned-download", script(f"/usr/lib/apt/apt-helper download-file {URL} x\n"), script(f"/usr/lib/apt/apt-helper download-file {URL} x SHA256:{SHA256}\n")),
    ("unpinned-download", {"install": {"pip": [f"thing @ {URL}"]}}, {"install": {"pip": [f"thing @ {URL}#sha256={SHA256}", "other>=1"]}}),
    ("unpinned-download", {"releases": [{"version": "1", "pip": [f"thing[x]@{URL}#md5={SHA256[:32]} ; python_version > '3'"]}]}, {"releases": [{"version": "1", "pip": [f"thing @ {URL}#subdirectory=x&sha512={SHA256}", f"here @ {URL}#sha256={{{{ args.SHA256 }}}}"], "args": {"SHA256": SHA256}}]}),
    ("unpinned-download", {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": f"ADD {URL} /x\n"}}, {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": f"ADD --checksum=sha256:{SHA256} {URL} /x\n"}}),
    ("package-lists", script("apt-get update && apt-get install -y x\n"), script("apt-get update\napt-get install -y x\nrm -rf /var/lib/apt/lists/*\n")),
    ("package-lists", {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": "RUN apt-get update\n"}}, {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": "RUN --mount=type=cache,target=/var/lib/apt/lists apt-get update\n"}}),
    ("secret-variable", {"env": {"DB_PASSWORD": "hunter2"}}, {"env": {"TOKENIZERS_PARALLELISM": "false", "MAX_TOKENS": "8", "DB_PASSWORD_FILE": "db", "PWD": "x", "EOS_TOKEN": "</s>", "FIRST_PASS": "fast", "API_TOKEN": ""}}),
    ("secret-variable", {"args": {"LOGIN": "hf_" + "a" * 34}}, {"args": {"LOGIN": "hf_hub"}}),
    ("secret-variable", {"image": {"env": {"ADMIN_API_KEY": "abcdef"}}}, {"image": {"env": {"ADMIN_API_KEY": "/run/secrets/key", "KEYBOARD": "de"}}}),
    ("secret-variable", {"image": {"labels": {"org.example.token": "abcdef"}}}, {"image": {"labels": {"org.example.url": "abcdef"}}}),
    ("secret-variable", {"releases": [{"version": "1", "env": {"SECRET": "abcdef"}}]}, {"releases": [{"version": "1", "env": {"SECRET": "{{ version }}"}}]}),
    ("secret-variable", {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": "ARG API_TOKEN\n"}}, {"install": {"dockerfile": "D.j2"}, "files": {"D.j2": "ARG API_VERSION\n"}}),
    ("secret-in-script", script("export DB_PASSWORD='hunter2'\n"), script('export DB_PASSWORD="$(cat /run/secrets/db)"\nPASS=$1\n')),
    ("secret-in-script", script("login --password hunter2\n"), script('login --password "$PASSWORD" --token-file x\n')),
    ("secret-in-script", script("echo 'root:root' | chpasswd\n"), script('echo "root:$NEW" | chpasswd\n')),
    ("secret-in-script", script("# curl https://me:hunter2@example.com\n"), script("# PASSWORD=hunter2 would be wrong\n")),
    ("secret-in-script", script("cat <<'EOF'\n-----BEGIN RSA PRIVATE KEY-----\nEOF\n"), script("grep -q 'BEGIN PGP PUBLIC KEY BLOCK' x\n")),
    ("secret-in-script", {"files": {"test.sh": f"x ghp_{'a' * 36}\n"}}, {"files": {"test.sh": "serve --password test\n"}}),
    ("cuda-mismatch", {"image": {"targets": ["board-1.0"]}, "install": {"pip_index": ["https://x/whl/cu128"]}}, {"image": {"targets": ["board-1.0"]}, "install": {"pip_index": ["https://x/whl/cu{{ cuda.nodot }}"]}}),
    ("cuda-mismatch", {"image": {"targets": ["board-1.0"]}, "install": {"pip": ["nvidia-cublas-cu11"]}}, {"image": {"targets": ["board-1.0"]}, "install": {"pip": ["nvidia-cublas-cu12"]}}),
    ("cuda-mismatch", {"install": {"pip": ["torch==2.7.1+cu126"]}}, {"image": {"targets": ["board-1.0"]}, "install": {"pip": ["torch==2.7.1+cu126"]}}),
    ("cuda-mismatch", {"releases": [{"version": "1", "variants": [{"when": {"cuda": "none"}, "pip": ["cupy-cuda12x"]}]}]}, {"releases": [{"version": "1", "variants": [{"when": {"cuda": "none"}, "pip": ["cupy"]}]}]}),
    ("cuda-mismatch", {"image": {"targets": ["gpu-12.8"]}, "install": {"pip": ["x-cu129 @ https://x/x.whl"]}}, {"image": {"targets": ["gpu-12.8"]}, "install": {"pip": ["x-cu126 @ https://x/x.whl"]}}),
    ("cuda-minor-mismatch", {"image": {"targets": ["gpu-12.8"]}, "install": {"pip": ["x-cu126 @ https://x/x.whl"]}}, {"image": {"targets": ["gpu-12.8"]}, "install": {"pip": ["x-cu128 @ https://x/x.whl"]}}),
    ("cuda-mismatch", {"image": {"targets": ["board-1.0"]}, "install": {"pip": ["x==1+cu124"]}}, {"image": {"targets": ["board-1.0"]}, "install": {"pip": ["x==1+cu126"]}}),
    ("secret-in-context", {"install": {"files": {"conf": "/etc/x"}}, "files": {"conf/server.key": "x"}}, {"install": {"files": {"conf": "/etc/x"}}, "files": {"conf/server.key": "x", ".dockerignore": "**/*.key\n", "conf/x": "y"}}),
    ("missing-dockerignore", {"install": {"files": {"conf": "/etc/x"}}, "files": {"conf/id_ed25519": "x"}}, {"install": {"files": {"conf": "/etc/x"}}, "files": {"conf/id_ed25519.pub": "x"}}),
]  # fmt: skip


def build(folder: Path, fields: dict[str, Any]) -> Project:
    """Return the project of a case; a field of None is left out."""
    project = project_of(folder, **{k: v for k, v in fields.items() if v is not None})
    missing = [key for key, value in fields.items() if value is None]
    if missing:
        own = {key: value for key, value in good().items() if key not in missing}
        project.recipe(**own)
    return project


@pytest.mark.parametrize(("rule", "bad", "fine"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_a_rule_objects_to_what_is_wrong_and_to_nothing_else(
    rule: str, bad: dict[str, Any], fine: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "fine").mkdir()
    assert found(build(tmp_path / "bad", bad), rule)
    assert found(build(tmp_path / "fine", fine), rule) == []


def test_findings_stand_where_the_value_is(tmp_path: Path) -> None:
    project = project_of(tmp_path, files={"install.sh": "true\n"})
    project.write(
        {
            "edgebake.yaml": "images:\n  app:\n    recipes: [app]\n    targets: [cpu]\n    runtime: {user: root}\n",
            "recipes/app/recipe.json": '{"name": "app", "summary": "s", "license": "MIT",\n "env": {"API_KEY": "abcdef"},\n'
            ' "test": {"script": "test.sh"}, "install": {"script": "install.sh"}}',
            "recipes/app/install.sh": f"set -e\n  curl {URL} -o x\n",
        }
    )
    assert told(project, "root-user") == ["edgebake.yaml:5:21: the image 'app' runs as root"]
    assert told(project, "secret-variable") == ["recipes/app/recipe.json:2:21: API_KEY holds a secret, by its name"]
    message = "recipes/app/install.sh:2:3: curl downloads a file that is never checked"
    assert told(project, "unpinned-download") == [message]


def test_a_service_s_environment_holds_no_secret(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    project.write(
        {
            "edgebake.yaml": "images:\n  app: {recipes: [app], targets: [cpu]}\nservices:\n  app:\n    environment:\n"
            "      API_KEY: abcdef\n      API_KEY_FILE: /run/secrets/key\n"
        }
    )
    message = "edgebake.yaml:6:16: API_KEY of the service app holds a secret, by its name"
    assert told(project, "secret-variable") == [message]


def test_no_finding_holds_a_secret(tmp_path: Path) -> None:
    token = "ghp_" + "a1" * 18
    fields = {"env": {"DB_PASSWORD": "hunter2"}, **script(f"PASSWORD=hunter2\nx {token}\n")}
    findings = found(project_of(tmp_path, **fields))
    assert len([f for f in findings if f.severity == "error"]) == 3
    assert not any("hunter2" in repr(f) or token in repr(f) for f in findings)


def test_releases_of_a_python_recipe_are_looked_at(tmp_path: Path) -> None:
    text = (
        "from edgebake.recipe import Lint, Recipe, Release\n\n"
        "recipe = Recipe(name='code', summary='s', license='MIT', lint=Lint(ignore={'missing-test': 'none yet'}),\n"
        "    releases=lambda target: [Release(version='1', env={'API_KEY': 'abcdef'})])\n"
    )
    project = make_project(tmp_path, {"recipes/code/recipe.py": text}).images(app=["code"])
    project.lock()
    assert told(project, "secret-variable") == ["recipes/code/recipe.py: API_KEY holds a secret, by its name"]
    assert len(found(project)) == 1


def test_a_git_source_that_the_lock_pins_is_pinned(tmp_path: Path) -> None:
    project = project_of(tmp_path, build=source(git=GIT, ref="v1"), files=BUILD)
    lock = project.open().lock
    assert lock is not None
    data = lock.model_dump(mode="json") | {"git": [{"url": GIT, "ref": "v1", "commit": COMMIT}]}
    (project.root / "edgebake.lock").write_bytes(render_lock(Lock.model_validate(data)))
    assert told(project, "unpinned-git") == []


def test_what_the_lock_does_not_pin(tmp_path: Path) -> None:
    project = project_of(tmp_path, requires=["python"], install={"pip": ["numpy"]})
    assert told(project, "unpinned-base") == []
    (project.root / "edgebake.lock").unlink()
    (base,) = told(project, "unpinned-base")
    assert base.endswith("the base image debian:bookworm-slim is not pinned: not locked yet (edgebake lock)")
    (python,) = told(project, "unpinned-python")
    assert "Python packages are not pinned" in python


def test_every_note_of_a_compilation_is_a_finding(tmp_path: Path) -> None:
    project = project_of(
        tmp_path, requires=["python"], install={"pip": ["x"]}, build=source(git=GIT, ref="v1"), files=BUILD
    )
    (project.root / "edgebake.lock").unlink()
    assert (
        len(project.compile().notes) == len([f for f in found(project) if f.rule.id.startswith("unpinned-")]) == 3
    )


def test_locked_wheels_of_another_cuda(tmp_path: Path) -> None:
    project = project_of(
        tmp_path, requires=["python"], install={"pip": ["torch"]}, image={"targets": ["board-1.0"]}
    )
    project.lock({"app": {"torch==2.7.1": [], "nvidia-cublas-cu12==12.6.4": ["torch"]}})
    assert told(project, "cuda-mismatch") == []
    project.lock({"app": {"torch==2.7.1": [], "nvidia-cublas-cu11==11.1": ["torch"]}})
    (finding,) = found(project, "cuda-mismatch")
    assert "nvidia-cublas-cu11" in finding.message
    assert "CUDA 11, and the target has 12.6" in finding.message


def test_a_base_image_of_another_cuda(tmp_path: Path) -> None:
    project = project_of(tmp_path, image={"targets": ["gpu-12.8"]})
    assert told(project, "cuda-mismatch") == []
    wrong = {**GPU, "base": {"image": "nvidia/cuda:12.6.3-base"}}
    project.write({"targets/gpu-12.8.json": json.dumps(wrong)})
    (finding,) = found(project, "cuda-mismatch")
    assert finding.message == "the base image is for CUDA 12.6, and the target has 12.8"
    assert finding.at.path == "targets/gpu-12.8.json"


def test_layers_near_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(tmp_path, install={"apt": ["curl"]})
    assert told(project, "many-layers") == []
    monkeypatch.setattr(images, "LAYERS_NEAR_LIMIT", 2)
    (finding,) = found(project, "many-layers")
    assert "layers over its base image; 95 are possible" in finding.message


def test_a_long_line_is_near_the_limit(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    names = [f"r{number:02}" for number in range(84)]
    for name in names:
        project.recipe(**good(name, install={"apt": [f"lib{name}"]}))
        project.write({f"recipes/{name}/test.sh": "true\n"})
    project.images(app=names[:60])
    assert told(project, "many-layers") == []
    project.images(app=names)
    assert "the image 'app' has 85 layers over its base image" in told(project, "many-layers")[0]


def test_a_large_context_names_its_biggest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"data/a.bin": "a" * 3000, "data/b.bin": "b" * 2000, "data/c": "c", "data/d": "dd"}
    project = project_of(tmp_path, install={"files": {"data": "/data"}}, files=files)
    assert told(project, "large-context") == []
    monkeypatch.setattr(context, "LARGE_TOTAL", 5000)
    (message,) = told(project, "large-context")
    assert "5.0 kB" in message
    assert "recipes/app/data/a.bin (3.0 kB), recipes/app/data/b.bin (2.0 kB), " in message
    project.write({".dockerignore": "**/*.bin\n"})
    assert told(project, "large-context") == []


def test_a_large_file_without_an_ignore_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(tmp_path, install={"files": {"data": "/data"}}, files={"data/a.bin": "a" * 3000})
    assert told(project, "missing-dockerignore") == []
    monkeypatch.setattr(context, "LARGE_FILE", 2000)
    (message,) = told(project, "missing-dockerignore")
    assert message.endswith("there is no .dockerignore, and builds are sent recipes/app/data/a.bin")
    project.write({".dockerignore": "# what is sent is meant\n"})
    assert told(project, "missing-dockerignore") == []


def test_equal_findings_on_several_targets_are_one(tmp_path: Path) -> None:
    project = project_of(tmp_path, image={"targets": ["cpu", "board-1.0"]}, runtime={"user": "root"})
    (finding,) = found(project, "root-user")
    assert finding.targets == ("board-1.0", "cpu")


def test_findings_are_in_order_and_the_same_each_time(tmp_path: Path) -> None:
    project = project_of(tmp_path, **SERVICE, **script(f"curl {URL} -o x\napt-get update\nPASSWORD=abcdef\n"))
    first = found(project)
    assert first == found(project)
    places = [(f.at.path, f.at.line, f.at.column) for f in first]
    assert places == sorted(places)
    assert len(places) == 4


def test_the_builtin_recipes_of_a_project_are_not_linted(tmp_path: Path) -> None:
    project = make_project(tmp_path, catalogue=[*CATALOGUE, recipe("bare", install={"script": "install.sh"})])
    (tmp_path / "catalogue/recipes/bare/install.sh").write_text(f"curl {URL} -o x\n")
    project.images(app=["bare"])
    project.lock()
    assert found(project) == []
    report = lint(recipes_subject(project.open(), ["bare"]))
    assert [f.rule.id for f in report.findings] == ["unpinned-download", "missing-licence", "missing-test"]


def test_a_recipe_of_the_project_in_no_image_is_linted(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    project.recipe(**recipe("lonely", license="MIT"))
    assert told(project, "missing-test") == ["recipes/lonely/recipe.json:1:2: the recipe 'lonely' has no test"]


def test_recipes_are_linted_on_all_their_targets(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**good("gpu-only", releases=[{"version": "1", "when": {"cuda": "12"}}]))
    project.recipe(**good("torn", releases=[{"version": "1"}], requires=["gpu-only"], runtime={"user": "root"}))
    for name in ("gpu-only", "torn"):
        project.write({f"recipes/{name}/test.sh": "true\n"})
    subject = recipes_subject(project.images().open())
    assert [p.target.name for p in subject.plans if p.name == "torn"] == ["board-1.0"]
    report = lint(subject)
    assert report.left_out == (("torn", ("cpu",)),)
    (finding,) = [f for f in report.findings if f.recipe == "torn"]
    assert (finding.rule.id, finding.at.path, finding.targets) == (
        "root-user",
        "recipes/torn/recipe.json",
        ("board-1.0",),
    )


def test_rules_have_ids_of_their_own_and_say_how_to_fix(tmp_path: Path) -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(rule.summary and rule.fix and rule.severity in ("error", "warning", "info") for rule in RULES)
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
    assert all(f"| `{rule.id}` | {rule.severity} |" in page for rule in RULES), "docs/lint.md lists every rule"


def test_needs_of_a_recipe_do_not_disturb(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**{**needs("a", "python"), "license": "MIT", "test": {"script": "t.py"}})
    project.write({"recipes/a/t.py": "password = 'x'\n"})
    project.images(app=["a"])
    project.lock()
    assert found(project) == []
