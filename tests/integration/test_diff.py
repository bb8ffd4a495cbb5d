"""`edgebake diff`: commits, targets and locks, from the command line, and what it says of each kind of change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebake.diff.facts import Change, by_platforms, changes_of
from edgebake.diff.images import Side, compare
from edgebake.diff.sides import kind_of
from integration.projects import AMD64, ARM64, compiled_recipe, line_of_five, make_project, needs, recipe, tree

RECIPE = "name: {name}\nsummary: An application\nlayer: application\ninstall: {{files: {{file: /{name}}}}}\n"


class Repository:
    """A project in a folder of a git repository: two images on cpu, and one commit."""

    def __init__(self, root: Path) -> None:
        self.top = root
        self.root = root / "robot"
        self.images()
        for name in ("one", "two"):
            self.write({f"{name}/recipe.yaml": RECIPE.format(name=name), f"{name}/file": "1\n2\n3\n"})
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def images(self, **changed: object) -> None:
        images = {name: {"recipes": [f"./{name}"], "targets": ["cpu"]} for name in ("one", "two")}
        images |= changed  # type: ignore[arg-type]
        self.write({"edgebake.yaml": json.dumps({"images": {k: v for k, v in images.items() if v}})})

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)

    def git(self, *args: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args]
        return subprocess.run(command, cwd=self.top, capture_output=True, text=True, check=True).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def diff(self, *args: str, code: int = 0, seed: str = "0") -> str:
        done = edgebake(self.root, "diff", *args, seed=seed)
        assert done.returncode == code, done.stderr
        return done.stdout if code != 2 else done.stderr


def edgebake(folder: Path, *args: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-m", "edgebake", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


# ── commits


def test_nothing_differs_and_nothing_is_touched(repository: Repository) -> None:
    before = tree(repository.top)
    assert repository.diff() == "HEAD → the working tree: nothing differs in 2 images.\n"
    assert repository.diff("main", "HEAD", "--check") == "main → HEAD: nothing differs in 2 images.\n"
    after = tree(repository.top)
    assert {p: c for p, c in after.items() if not p.startswith(".git/")} == {
        p: c for p, c in before.items() if not p.startswith(".git/")
    }
    assert repository.git("worktree", "list").count("\n") == 1


def test_a_file_is_told_with_its_lines_and_what_is_built_because_of_it(repository: Repository) -> None:
    repository.write({"one/file": "1\n2 \n3\n4\n"})
    assert repository.diff("HEAD").splitlines() == [
        "one · cpu (linux/amd64, linux/arm64)",
        "  rebuilt",
        "    ~ one  install  changed: file one/file (+2 −1 lines)",
        "",
        "HEAD → the working tree: 1 of 2 images differs; to build: 1 install stage, 1 image.",
    ]
    repository.commit()
    assert repository.diff("HEAD~1", "HEAD", "--check", code=3).startswith("one · cpu")
    assert "nothing differs" in repository.diff("HEAD")
    assert repository.diff("HEAD", "HEAD~1").splitlines()[2].endswith("file one/file (+1 −2 lines)")


def test_a_binary_file_has_no_lines(repository: Repository) -> None:
    (repository.root / "one" / "file").write_bytes(b"\xff\xfe\x00")
    assert repository.diff("HEAD").splitlines()[2].endswith("changed: file one/file")


def test_settings_tags_and_recipes(repository: Repository) -> None:
    one = {
        "recipes": ["./one", "ninja"],
        "targets": ["cpu"],
        "tags": ["next"],
        "env": {"MODE": "fast"},
        "runtime": {"user": "root", "expose": ["8000"]},
        "platforms": ["linux/amd64"],
    }
    repository.images(one=one)
    data = json.loads(repository.diff("HEAD", "--json"))
    (image,) = data["images"]
    assert (image["image"], image["target"], image["change"], image["platforms"]) == (
        "one",
        "cpu",
        "changed",
        [AMD64],
    )
    assert [(c["name"], c["before"]) for c in image["recipes"]] == [("ninja", None)]
    settings = {change["name"]: (change["before"], change["after"]) for change in image["settings"]}
    assert settings == {
        "env MODE": (None, "fast"),
        "user": (None, "root"),
        "expose": (None, '["8000"]'),
        "platforms": ("linux/amd64, linux/arm64", "linux/amd64"),
    }
    assert [c["name"].rpartition(":")[2] for c in image["tags"]] == ["${TAG}-cpu", "next"]
    assert {stage["state"] for stage in image["stages"]} <= {"new", "direct", "indirect", "moved"}
    assert data["same"] == [{"image": "two", "target": "cpu"}]


def test_images_that_come_and_go(repository: Repository) -> None:
    repository.images(two=None, three={"recipes": ["./two"], "targets": ["cpu"]})
    text = repository.diff("HEAD")
    assert "three · cpu (linux/amd64, linux/arm64)\n  added: all of it is built\n" in text
    assert "two · cpu (linux/amd64, linux/arm64)\n  removed\n" in text
    assert text.endswith("2 of 3 images differ; to build: 1 image.\n")
    kinds = [(one["image"], one["change"]) for one in json.loads(repository.diff("HEAD", "--json"))["images"]]
    assert kinds == [("three", "added"), ("two", "removed")]


def test_a_commit_without_a_project_has_no_images(repository: Repository) -> None:
    empty = repository.git("commit-tree", "-m", "x", repository.git("mktree", "--missing").strip()).strip()
    assert repository.diff(empty).endswith("2 of 2 images differ; to build: 2 install stages, 2 images.\n")
    assert repository.diff(empty, "HEAD", "--image", "one").count("added") == 1


def test_images_and_targets_narrow_it(repository: Repository) -> None:
    repository.write({"one/file": "", "two/file": ""})
    assert (
        repository.diff("--image", "t*", "--target", "c*").splitlines()[0] == "two · cpu (linux/amd64, linux/arm64)"
    )
    assert "did you mean 'two'?" in repository.diff("--image", "tow", code=2)
    assert "no target 'jetpack-6.2' on either side" in repository.diff("--target", "jetpack-6.2", code=2)


def test_the_same_bytes_whatever_the_hash_seed(repository: Repository) -> None:
    repository.write({"one/file": "", "two/file": ""})
    repository.images(three={"recipes": ["./one", "./two"], "targets": ["cpu"]})
    assert repository.diff(seed="1") == repository.diff(seed="2")
    assert repository.diff("--json", seed="1") == repository.diff("--json", seed="2")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no-such"], "git has no commit 'no-such'"),
        (["--", "-x"], "git has no commit '-x'"),
        (["a", "b", "c"], "3 arguments cannot be compared"),
        (["HEAD", "./edgebake.lock"], "a commit and a lock file cannot be compared"),
        (["none.lock"], "none.lock: cannot read the file"),
        (["HEAD:edgebake.lock"], "the commit 'HEAD' has no file 'edgebake.lock'"),
        (["edgebake.lock", "--image", "one"], "cannot be combined with lock files"),
        (["--targets", "cpu", "cpu"], "both targets are 'cpu'"),
        (["--targets", "cpu", "cpv"], "unknown target 'cpv'"),
        (["--targets", "cpu", "cuda-12.8"], "no selected image is for the target 'cuda-12.8'"),
        (["--targets", "cpu", "cuda-12.8", "-t", "cpu"], "--target and --targets cannot be combined"),
        (["--targets", "cpu"], "option '--targets' requires 2 arguments"),
        (["nonsense", "--targets", "cpu", "cuda-12.8"], "unknown image or recipe 'nonsense'"),
    ],
)
def test_a_wrong_call_is_one_clear_message(repository: Repository, words: list[str], message: str) -> None:
    text = repository.diff(*words, code=2)
    assert text.startswith("error: ")
    assert message in text
    assert "Traceback" not in text


def test_a_state_that_does_not_compile_is_named(repository: Repository) -> None:
    repository.images(one={"recipes": ["no-such-recipe"], "targets": ["cpu"]})
    assert "unknown recipe 'no-such-recipe'" in repository.diff(code=2)
    repository.commit()
    repository.images()
    text = repository.diff("HEAD", code=2)
    assert text.startswith("error: the project does not compile at HEAD\n")
    assert "unknown recipe 'no-such-recipe'" in text


def test_no_project_and_no_repository(tmp_path: Path) -> None:
    done = edgebake(tmp_path, "diff")
    assert (done.returncode, "edgebake.yaml not found" in done.stderr) == (2, True)
    (tmp_path / "edgebake.yaml").write_text("images: {}\n")
    done = edgebake(tmp_path, "diff", "HEAD~1")
    assert (done.returncode, "not in a git repository" in done.stderr) == (2, True)


# ── targets


def test_two_targets_of_recipes_without_a_project(tmp_path: Path) -> None:
    done = edgebake(tmp_path, "diff", "onnxruntime", "--targets", "jetpack-6.2", "cuda-12.8")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "onnxruntime · jetpack-6.2 → cuda-12.8 (linux/arm64 → linux/amd64)"
    assert any(" ".join(line.split()).startswith("~ python 3.10 → 3.12") for line in lines)
    assert "  built differently" in lines
    assert lines[-1] == "jetpack-6.2 → cuda-12.8: 1 of 1 image differs."
    assert list(tmp_path.iterdir()) == []


def test_two_targets_of_an_image() -> None:
    example = Path(__file__).parents[2] / "examples" / "detection-service"
    done = edgebake(example, "diff", "--target", "cpu", "--target", "jetpack-6.2", "--json")
    data = json.loads(done.stdout)
    (image,) = data["images"]
    assert (image["target"], image["other_target"], image["platforms"]) == ("cpu", "jetpack-6.2", [ARM64])
    assert {change["name"] for change in image["recipes"]} >= {"cuda", "numpy", "onnxruntime", "python"}
    same = edgebake(example, "diff", "detector", "--targets", "cpu", "jetpack-6.2", "--json")
    assert same.stdout == done.stdout


# ── locks


def test_two_locks(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.recipe(**needs("app", "numpy"))
    project.images(app=["app"])
    old = project.lock({"numpy": {"numpy==2.3.1": []}})
    (project.root / "old.lock").write_bytes((project.root / "edgebake.lock").read_bytes())
    assert edgebake(project.root, "diff", "old.lock").stdout == "old.lock and edgebake.lock have the same pins.\n"
    project.lock({"numpy": {"numpy==2.4.0": [], "blas==1.0": []}}, refresh=1, digests={AMD64: "sha256:" + "c" * 64})
    done = edgebake(project.root, "diff", "old.lock", "--check")
    assert done.returncode == 3
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "base images",
        f"~ debian:bookworm-slim ({AMD64}) sha256:{'a' * 12}… → sha256:{'c' * 12}…",
        f"- debian:bookworm-slim ({ARM64}) sha256:{'b' * 12}…",
        "system packages",
        "~ refresh 0 → 1",
        "",
        "app · cpu",
        "Python",
        f"+ blas 1.0 ({AMD64}, {ARM64})",
        f"~ numpy 2.3.1 → 2.4.0 ({AMD64}, {ARM64})",
    ]
    data = json.loads(edgebake(project.root, "diff", "old.lock", "edgebake.lock", "--json").stdout)
    assert data["refresh"] == {"name": "refresh", "before": "0", "after": "1"}
    assert data["images"][0]["python"][0] == {
        "name": "blas",
        "before": None,
        "after": "1.0",
        "platforms": [AMD64, ARM64],
    }
    assert old.refresh == 0


def test_a_lock_of_a_commit_and_a_damaged_one(repository: Repository) -> None:
    repository.write({"edgebake.lock": json.dumps({"version": 2, "git": [
        {"url": "https://example.org/a", "ref": "v1", "commit": "1" * 40}]})})  # fmt: skip
    repository.commit()
    repository.write({"edgebake.lock": '{"version": 2}'})
    text = repository.diff("HEAD:edgebake.lock", "edgebake.lock")
    assert text == f"git refs\n  - https://example.org/a v1  {'1' * 40}\n".replace(f"{'1' * 40}\n", f"{'1' * 40}\n")
    repository.write({"bad.lock": "{"})
    assert "bad.lock:1:2: the lock file is damaged" in repository.diff("bad.lock", code=2)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("HEAD~1", "commit"),
        ("origin/main", "commit"),
        ("v1.2.lock.x", "commit"),
        ("edgebake.lock", "lock"),
        ("HEAD:edgebake.lock", "lock"),
        ("./here", "lock"),
        ("../there", "lock"),
        ("/tmp/x", "lock"),
    ],
)
def test_a_word_is_a_commit_or_a_lock(word: str, kind: str) -> None:
    assert kind_of(word) == kind


# ── what is compared


def test_changes_by_kind_name_and_platform() -> None:
    old = {"recipe": {"a": "1", "b": "1"}, "tag": {"x": ""}}
    new = {"recipe": {"a": "2", "c": "1"}, "tag": {"x": ""}}
    found = changes_of(old, new)
    assert found == [
        Change("recipe", "a", "1", "2"),
        Change("recipe", "b", "1", None),
        Change("recipe", "c", None, "1"),
    ]
    assert [(w.change.name, w.platforms) for w in by_platforms([(ARM64, found[:2]), (AMD64, found[:1])])] == [
        ("a", (ARM64, AMD64)),
        ("b", (ARM64,)),
    ]


def test_stages_are_told_as_a_plan_tells_them(tmp_path: Path) -> None:
    project = line_of_five(tmp_path)
    before = Side("before", project.compile())
    compare(before, before)  # every file is read now
    old = compare(before, Side("after", project.compile()))
    assert old.changed == []
    project.recipe(**compiled_recipe("a", requires=["python"], args={"JOBS": "2"}))
    after = Side("after", project.compile())
    (image,) = compare(before, after).changed
    assert [(w.change.name, w.change.before, w.change.after) for w in image.changes] == [
        ("arg JOBS of a", None, "2")
    ]
    states = {(s.node.kind, s.node.recipe): (s.state, s.causes) for s in image.stages if s.platform == AMD64}
    plan = project.plan().target("app-cpu")  # which compares with what was built: the same
    assert states == {
        (c.node.kind, c.node.recipe): (c.state, c.causes)
        for c in plan.changes
        if c.platform == AMD64 and c.state != "same"
    }
    assert states["build", "a"][0] == "direct"
    assert recipe("x")["name"] == "x"
