"""From recipes to stages: which there are, what each continues, and where it runs.

A stage is written `name < what it is FROM`; `native` names those that run on the build platform.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgebake.errors import EdgebakeError
from integration.projects import (
    AMD64,
    ARM64,
    BOARD,
    CATALOGUE,
    CPU,
    Project,
    compiled_recipe,
    make_project,
    needs,
    nodes_by_name,
    recipe,
    stage_text,
)

BASE = "eb-base < ${BASE}"
NATIVE = "eb-native < --platform=$BUILDPLATFORM ${NATIVE_BASE}"
FETCH_TOOLS = ["eb-native-python < eb-native", "eb-native-pip-fetch < eb-native-python"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def native(project: Project, target: str = "cpu") -> list[str]:
    """Return the names of the stages that run on the build platform, sorted."""
    nodes = nodes_by_name(project.compile(), target)
    return sorted(name for name, node in nodes.items() if node.native)


class TestLines:
    def test_an_image_is_a_line_of_install_stages(self, project: Project) -> None:
        project.images(app=["zlib", "python"])
        assert project.stages() == [BASE, "eb-zlib < eb-base", "eb-python < eb-zlib", "app < eb-python"]
        assert native(project) == []

    def test_images_share_what_they_have_in_common_in_front(self, project: Project) -> None:
        project.recipe(**recipe("x")).recipe(**recipe("y"))
        project.images(one=["zlib", "python", "x"], two=["zlib", "python", "y"])
        assert project.stages() == [
            BASE,
            "eb-zlib < eb-base",
            "eb-python < eb-zlib",
            "eb-x < eb-python",
            "one < eb-x",
            "eb-y < eb-python",
            "two < eb-y",
        ]

    def test_an_image_that_ends_where_another_goes_on_shares_its_whole_line(self, project: Project) -> None:
        project.recipe(**recipe("x")).images(long=["python", "x"], short=["python"])
        assert project.stages() == [
            BASE,
            "eb-python < eb-base",
            "eb-x < eb-python",
            "long < eb-x",
            "short < eb-python",
        ]

    def test_a_recipe_after_the_parting_is_a_stage_of_each_line(self, project: Project) -> None:
        project.images(one=["python"], two=["zlib", "python"])
        stages = project.stages()
        python = [stage for stage in stages if stage.startswith("eb-python-")]
        assert [stage.split(" < ")[1] for stage in python] == ["eb-base", "eb-zlib"]
        assert len({stage.split(" < ")[0] for stage in python}) == 2

    def test_images_on_other_targets_have_a_dockerfile_of_their_own(self, project: Project) -> None:
        both = {"recipes": ["python"], "targets": ["cpu", "board-1.0"]}
        project.images(app=both)
        assert project.stages("cpu") == project.stages("board-1.0")
        assert project.stages("cpu") == [BASE, "eb-python < eb-base", "app < eb-python"]

    def test_an_image_for_root_has_a_base_without_the_user(self, project: Project) -> None:
        project.images(app=["zlib"], tool={"recipes": ["zlib"], "targets": ["cpu"], "runtime": {"user": "root"}})
        stages = project.stages()
        assert BASE in stages
        assert "eb-base-root < ${BASE}" in stages
        assert "useradd" not in stage_text(project.dockerfile(), "eb-base-root")

    def test_recipes_that_are_only_compiled_against_are_not_installed(self, project: Project) -> None:
        project.recipe(**compiled_recipe("fast", build={"libraries": ["zlib"]}))
        project.write({"recipes/fast/build.sh": "make\n"}).images(app=["fast"])
        assert "eb-zlib" not in project.dockerfile()


class TestBuildHalves:
    def test_what_compiles_hangs_off_its_tools_and_not_off_the_line(self, project: Project) -> None:
        project.recipe(**compiled_recipe("fast", build={"libraries": ["zlib"]}))
        project.write({"recipes/fast/build.sh": "make\n"}).images(app=["fast", "python"])
        assert project.stages() == [
            BASE,
            NATIVE,
            "eb-fast-sysroot < eb-native",
            "eb-native-compiler < eb-native",
            "eb-fast-build < eb-native-compiler",
            "eb-fast-artifact < scratch",
            "eb-python < eb-base",
            "eb-fast < eb-python",
            "app < eb-fast",
        ]
        assert native(project) == [
            "eb-fast-artifact",
            "eb-fast-build",
            "eb-fast-sysroot",
            "eb-native",
            "eb-native-compiler",
        ]

    def test_two_build_halves_know_nothing_of_each_other(self, project: Project) -> None:
        for name in ("one", "two"):
            project.recipe(**compiled_recipe(name)).write({f"recipes/{name}/build.sh": "make\n"})
        project.images(app=["one", "two"])
        graph, nodes = project.compile().graph, nodes_by_name(project.compile())
        for name, other in (("one", "two"), ("two", "one")):
            needed = graph.needed_by("cpu", [nodes[f"eb-{name}-artifact"].id])
            assert not [node for node in needed if node.recipe == other]

    def test_one_recipe_in_many_images_is_built_once(self, project: Project) -> None:
        project.recipe(**compiled_recipe("fast")).write({"recipes/fast/build.sh": "make\n"})
        project.images(a=["fast"], b=["fast", "zlib"], c=["fast", "python"], d=["fast", "zlib", "python"])
        kinds = [node.kind for node in project.compile().graph if node.recipe == "fast"]
        assert (kinds.count("build"), kinds.count("artifact"), kinds.count("install")) == (1, 1, 4)

    def test_what_a_build_half_needs_is_copied_by_depth_and_then_by_name(self, project: Project) -> None:
        for name, requires in {"z": [], "c": ["z"], "b": ["z"], "a": ["b", "c"]}.items():
            project.recipe(**compiled_recipe(name, requires=requires))
        project.recipe(**compiled_recipe("fast", requires=["a"], build={"libraries": ["a"]}))
        project.write({f"recipes/{name}/build.sh": "make\n" for name in ("z", "c", "b", "a", "fast")})
        text = stage_text(project.images(app=["fast"]).dockerfile(), "eb-fast-build")
        assert re.findall("--from=eb-(.)-artifact", text) == ["z", "b", "c", "a"]

    def test_a_library_with_a_build_half_goes_into_the_sysroot(self, project: Project) -> None:
        project.recipe(**compiled_recipe("dep")).recipe(**compiled_recipe("fast", build={"libraries": ["dep"]}))
        project.write({"recipes/dep/build.sh": "make\n", "recipes/fast/build.sh": "make\n"}).images(app=["fast"])
        build = stage_text(project.dockerfile(), "eb-fast-build")
        assert "COPY --link --from=eb-dep-artifact / /sysroot/usr/local" in build
        assert "SYSROOT=/sysroot" in build

    def test_its_own_development_packages_are_in_the_sysroot(self, project: Project) -> None:
        project.recipe(**compiled_recipe("fast", build={"apt": ["libssl-dev"], "libraries": ["zlib"]}))
        project.write({"recipes/fast/build.sh": "make\n"}).images(app=["fast"])
        sysroot = stage_text(project.dockerfile(), "eb-fast-sysroot")
        assert sysroot.index("libssl-dev") < sysroot.index("zlib1g-dev")
        build = stage_text(project.dockerfile(), "eb-fast-build")
        assert "COPY --link --from=eb-fast-sysroot /sysroot /sysroot" in build
        assert "libssl-dev" not in build

    def test_on_the_target_platform_its_development_packages_are_installed(self, project: Project) -> None:
        build = {"runs_on": "target-platform", "apt": ["libssl-dev"]}
        project.recipe(**compiled_recipe("slow", build=build)).write({"recipes/slow/build.sh": "make\n"})
        project.images(app=["slow"])
        assert "libssl-dev" in stage_text(project.dockerfile(), "eb-slow-build")
        assert "eb-slow-sysroot" not in project.dockerfile()

    def test_what_runs_on_the_target_platform_starts_from_the_base(self, project: Project) -> None:
        build = {"runs_on": "target-platform", "libraries": ["zlib"]}
        project.recipe(**compiled_recipe("slow", build=build)).write({"recipes/slow/build.sh": "make\n"})
        project.images(app=["slow"])
        assert project.stages() == [
            BASE,
            "eb-compiler < eb-base",
            "eb-slow-build < eb-compiler",
            "eb-slow-artifact < scratch",
            "eb-slow < eb-base",
            "app < eb-slow",
        ]
        assert native(project) == []
        build_text = stage_text(project.dockerfile(), "eb-slow-build")
        assert "zlib1g-dev" in build_text
        assert "RUNS_ON=target-platform SYSROOT=/ " in build_text

    def test_a_tool_that_compiles_itself_is_refused_on_the_build_platform(self, project: Project) -> None:
        project.recipe(**compiled_recipe("gen")).write({"recipes/gen/build.sh": "make\n"})
        project.recipe(**compiled_recipe("fast", build={"tools": ["gen"]}))
        project.write({"recipes/fast/build.sh": "make\n"}).images(app=["fast"])
        with pytest.raises(EdgebakeError, match="compiles itself"):
            project.compile()

    def test_sources_are_checked_out_by_commit_and_checked_by_digest(self, project: Project) -> None:
        sources = [
            {"git": "https://example.org/a.git", "ref": "v1", "commit": "c" * 40},
            {"url": "https://example.org/b.tar.gz", "sha256": "d" * 64, "to": "b"},
            {"path": "src"},
        ]
        project.recipe(**compiled_recipe("fast", build={"sources": sources}))
        project.write({"recipes/fast/build.sh": "make\n", "recipes/fast/src/a.c": ""}).images(app=["fast"])
        text = stage_text(project.dockerfile(), "eb-fast-build")
        assert f"ADD --link https://example.org/a.git#{'c' * 40} /src\n" in text
        assert f"ADD --link --checksum=sha256:{'d' * 64} https://example.org/b.tar.gz /src/b/\n" in text
        assert "COPY recipes/fast/src /src\n" in text


class TestPlatforms:
    def test_a_recipe_on_one_platform_only_parts_the_line_for_its_stage(self, project: Project) -> None:
        project.recipe(
            **recipe("x", releases=[{"version": "1", "when": {"platform": ARM64}}], install={"apt": ["libx"]})
        )
        user = needs(
            "y", releases=[{"version": "1", "variants": [{"when": {"platform": ARM64}, "requires": ["x"]}, {}]}]
        )
        project.recipe(**user).images(app=["y"])
        assert project.stages() == [
            BASE,
            "eb-x-amd64 < eb-base",
            "eb-x-arm64 < eb-base",
            "eb-x < eb-x-${TARGETARCH}",
            "eb-y < eb-x",
            "app < eb-y",
        ]
        dockerfile = project.dockerfile()
        assert stage_text(dockerfile, "eb-x-amd64") == ""
        assert "libx" in stage_text(dockerfile, "eb-x-arm64")

    def test_releases_that_differ_by_platform_are_two_stages_behind_one_name(self, project: Project) -> None:
        releases = [{"version": "2", "when": {"platform": AMD64}, "apt": ["x2"]}, {"version": "1", "apt": ["x1"]}]
        project.recipe(**recipe("x", releases=releases)).images(app=["x", "python"])
        dockerfile = project.dockerfile()
        assert project.stages()[1:] == [
            "eb-python < eb-base",
            "eb-x-amd64 < eb-python",
            "eb-x-arm64 < eb-python",
            "eb-x < eb-x-${TARGETARCH}",
            "app < eb-x",
        ]
        assert "x2" in stage_text(dockerfile, "eb-x-amd64")
        assert "x1" in stage_text(dockerfile, "eb-x-arm64")

    def test_a_recipe_that_is_the_same_everywhere_is_one_stage(self, project: Project) -> None:
        releases = [{"version": "1", "variants": [{"when": {"platform": AMD64}}, {"when": {"platform": ARM64}}]}]
        project.recipe(**recipe("x", releases=releases, install={"apt": ["libx"]})).images(app=["x"])
        assert project.stages() == [BASE, "eb-x < eb-base", "app < eb-x"]

    def test_an_image_for_fewer_platforms_says_so(self, project: Project) -> None:
        project.images(app={"recipes": ["python"], "targets": ["cpu", "board-1.0"], "platforms": [AMD64]})
        compilation = project.compile()
        assert [(t.name, t.platforms) for t in compilation.graph.bake_targets] == [("app-cpu", (AMD64,))]
        assert {out.what for out in compilation.left_out} == {"app on board-1.0", f"app on cpu ({ARM64})"}

    def test_an_image_for_fewer_platforms_shares_the_stages_of_the_others(self, project: Project) -> None:
        project.recipe(**compiled_recipe("fast")).write({"recipes/fast/build.sh": "make\n"})
        project.images(all=["fast"], one={"recipes": ["fast"], "targets": ["cpu"], "platforms": [AMD64]})
        kinds = [node.kind for node in project.compile().graph if node.recipe == "fast"]
        assert sorted(kinds) == ["artifact", "build", "install"]

    def test_a_native_base_of_its_own_is_where_native_stages_start(self, tmp_path: Path) -> None:
        board = {**BOARD, "base": {"image": "nvcr.io/l4t:r36", "native": "ubuntu:22.04"}}
        project = make_project(tmp_path, targets=[board])
        project.recipe(**compiled_recipe("fast")).write({"recipes/fast/build.sh": "make\n"})
        project.images(app={"recipes": ["fast"], "targets": ["board-1.0"]})
        dockerfile = project.dockerfile("board-1.0")
        assert "ARG BASE=nvcr.io/l4t:r36\nARG NATIVE_BASE=ubuntu:22.04\n" in dockerfile
        assert NATIVE in project.stages("board-1.0")


class TestWheels:
    PACKAGES = {"numpy": {"numpy==2.3.1": []}}

    def test_locked_packages_are_fetched_natively_and_copied(self, project: Project) -> None:
        project.images(app=["numpy"]).lock(self.PACKAGES)
        assert project.stages() == [
            BASE,
            NATIVE,
            *FETCH_TOOLS,
            "eb-numpy-fetch < eb-native-pip-fetch",
            "eb-numpy-wheels < scratch",
            "eb-python < eb-base",
            "eb-numpy < eb-python",
            "app < eb-numpy",
        ]
        assert "eb-numpy-fetch" in native(project)
        assert stage_text(project.dockerfile(), "eb-numpy") == "COPY --link --from=eb-numpy-wheels / /"

    def test_each_platform_has_a_requirements_file(self, project: Project) -> None:
        other = {"numpy": {"numpy==1.0": []}}
        project.images(app=["numpy"]).lock(self.PACKAGES, only=lambda _, p: other if p == ARM64 else None)
        files = project.files()
        assert "\nnumpy==2.3.1 " in files["cpu/requirements/eb-numpy-fetch.amd64.txt"]
        assert "\nnumpy==1.0 " in files["cpu/requirements/eb-numpy-fetch.arm64.txt"]
        assert "COPY bake/cpu/requirements/eb-numpy-fetch.${TARGETARCH}.txt" in files["cpu/Dockerfile"]

    def test_images_locked_to_other_packages_have_files_of_their_own(self, project: Project) -> None:
        other = {"numpy": {"numpy==1.0": []}}
        project.images(one=["numpy"], two=["numpy"])
        project.lock(self.PACKAGES, only=lambda image, _: other if image == "two" else None)
        files = project.files()
        requirements = {path: text for path, text in files.items() if path.startswith("cpu/requirements/")}
        lines = {
            text.splitlines()[1].split(" ")[0] for text in requirements.values()
        }  # the first names the address
        assert lines == {"numpy==2.3.1", "numpy==1.0"}
        fetches = {path.split("/")[-1].split(".")[0] for path in requirements}
        assert len(fetches) == 2
        for name in fetches:
            text = stage_text(files["cpu/Dockerfile"], name)
            assert f"COPY bake/cpu/requirements/{name}.${{TARGETARCH}}.txt" in text

    def test_images_that_agree_on_their_packages_share_the_fetch(self, project: Project) -> None:
        project.images(one=["numpy"], two=["numpy", "zlib"]).lock(self.PACKAGES)
        assert [node.label for node in project.compile().graph if node.kind == "fetch"] == ["numpy"]

    def test_without_a_lock_pip_installs_under_everybodys_constraints(self, project: Project) -> None:
        project.recipe(**needs("scipy", "python", install={"pip": ["scipy>=1.10"]})).images(app=["numpy", "scipy"])
        files = project.files()
        assert [text for path, text in files.items() if path.startswith("context/constraints/")] == [
            "numpy==2.3.1\nscipy>=1.10\n"
        ]
        text = stage_text(files["cpu/Dockerfile"], "eb-numpy")
        assert " install --constraint /run/eb/constraints.txt" in text
        assert any("not locked yet" in str(note) for note in project.compile().notes)

    def test_unlocked_images_that_ask_for_other_packages_have_other_constraints(self, project: Project) -> None:
        project.recipe(**needs("scipy", "python", install={"pip": ["scipy>=1.10"]}))
        files = project.images(one=["numpy"], two=["numpy", "scipy"]).files()
        text = files["cpu/Dockerfile"]
        used = {path: text.count(f"source=bake/{path},") for path in files if "/constraints/" in path}
        assert {files[path]: stages for path, stages in used.items()} == {
            "numpy==2.3.1\n": 1,
            "numpy==2.3.1\nscipy>=1.10\n": 2,
        }
        assert not re.search("[\ue000-\uf8ff]", text)

    def test_unlocked_images_that_ask_for_the_same_packages_share_them_and_their_stages(
        self, project: Project
    ) -> None:
        project.recipe(**needs("after", "numpy", layer="application"))
        project.images(one=["numpy"], two=["numpy", "after"])
        assert sum("/constraints/" in path for path in project.files()) == 1
        assert [node.recipe for node in project.compile().graph if node.recipe in ("numpy", "after")] == [
            "numpy",
            "after",
        ]

    def test_a_package_on_one_platform_only_leaves_the_other_empty(self, project: Project) -> None:
        project.images(app=["numpy"]).lock(self.PACKAGES, only=lambda _, p: {} if p == ARM64 else None)
        assert [stage for stage in project.stages() if "numpy" in stage] == [
            "eb-numpy-fetch-amd64 < eb-native-pip-fetch",
            "eb-numpy-fetch-arm64 < eb-native-pip-fetch",
            "eb-numpy-fetch < eb-numpy-fetch-${TARGETARCH}",
            "eb-numpy-wheels-amd64 < scratch",
            "eb-numpy-wheels-arm64 < scratch",
            "eb-numpy-wheels < eb-numpy-wheels-${TARGETARCH}",
            "eb-numpy-amd64 < eb-python",
            "eb-numpy-arm64 < eb-python",
            "eb-numpy < eb-numpy-${TARGETARCH}",
            "app < eb-numpy",
        ]


class TestVolumes:
    @pytest.mark.parametrize(("user", "owner"), [({}, "app"), ({"user": "robot"}, "robot")])
    def test_a_volumes_folder_belongs_to_the_images_user(
        self, project: Project, user: dict[str, str], owner: str
    ) -> None:
        runtime = {"volumes": ["/data", "/the models"], **user}
        dockerfile = project.images(app={"recipes": ["zlib"], "targets": ["cpu"], "runtime": runtime}).dockerfile()
        lines = stage_text(dockerfile, "app").splitlines()
        made = lines.index(f"RUN mkdir -p /data '/the models' && chown {owner} /data '/the models'")
        assert lines.index('VOLUME ["/data", "/the models"]') > made

    def test_root_needs_none(self, project: Project) -> None:
        runtime = {"volumes": "/data", "user": "root"}
        dockerfile = project.images(app={"recipes": ["zlib"], "targets": ["cpu"], "runtime": runtime}).dockerfile()
        assert "chown" not in dockerfile


class TestTemplatesOfARecipe:
    def test_an_install_template_takes_the_place_of_the_shared_one(self, project: Project) -> None:
        template = "COPY {{ file('data.bin') }} /opt/\nENV V={{ version }} ARCH={{ SYSTEM_ARCH }} A={{ args.A }}\n"
        project.recipe(
            **recipe("x", releases=[{"version": "1.2"}], args={"A": "{{ family }}"}, install={"dockerfile": "D.j2"})
        )
        project.write({"recipes/x/D.j2": template, "recipes/x/data.bin": "x"})
        project.images(app={"recipes": ["x"], "targets": ["board-1.0"]})
        assert stage_text(project.dockerfile("board-1.0"), "eb-x") == (
            "COPY recipes/x/data.bin /opt/\nENV V=1.2 ARCH=aarch64 A=cpu".replace("A=cpu", "A=jetpack")
        )
        assert "!recipes/x/data.bin" in project.files()["board-1.0/Dockerfile.dockerignore"]

    def test_a_build_template_leaves_its_artifact_in_out(self, project: Project) -> None:
        build = {"runs_on": "build-platform", "dockerfile": "Build.j2"}
        project.recipe(**recipe("x", build=build, install={"artifacts": {"/a": "/opt/a"}}))
        project.write({"recipes/x/Build.j2": "RUN mkdir /out && touch /out/a\n"}).images(app=["x"])
        dockerfile = project.dockerfile()
        assert stage_text(dockerfile, "eb-x-build") == "RUN mkdir /out && touch /out/a"
        assert stage_text(dockerfile, "eb-x-artifact") == "COPY --link --from=eb-x-build /out /"
        assert stage_text(dockerfile, "eb-x") == "COPY --link --from=eb-x-artifact /a /opt/a"

    def test_what_is_copied_goes_where_a_template_says(self, project: Project) -> None:
        build = {"runs_on": "build-platform", "script": "b.sh"}
        places = {"artifacts": {"/lib": "/opt/{{ version }}/lib"}, "files": {"f": "/opt/{{ version }}/f"}}
        project.recipe(**recipe("x", releases=[{"version": "1.2"}], build=build, install=places))
        project.recipe(**recipe("y", build={**build, "libraries": ["x"]}, install={"artifacts": {"/y": "/y"}}))
        project.write({"recipes/x/b.sh": "true\n", "recipes/x/f": "1", "recipes/y/b.sh": "true\n"})
        dockerfile = project.images(app=["x", "y"]).dockerfile()
        installed = stage_text(dockerfile, "eb-x")
        assert "COPY --link --from=eb-x-artifact /lib /opt/1.2/lib" in installed
        assert "COPY --link recipes/x/f /opt/1.2/f" in installed
        assert "COPY --link --from=eb-x-artifact /lib /sysroot/opt/1.2/lib" in dockerfile

    @pytest.mark.parametrize("key", ["artifacts", "files"])
    def test_a_place_that_a_template_makes_wrong_is_told(self, project: Project, key: str) -> None:
        build = {"runs_on": "build-platform", "script": "b.sh"}
        install = {"artifacts": {"/a": "/opt"}, "files": {"f": "/opt"}}
        install[key] = dict.fromkeys(install[key], "/{{ args.TO }}")
        project.recipe(**recipe("x", args={"TO": "lib/x"}, build=build, install=install))
        project.write({"recipes/x/b.sh": "true\n", "recipes/x/f": "1"}).images(app=["x"])
        with pytest.raises(EdgebakeError, match=r"goes through /lib, a link in the base image") as caught:
            project.compile()
        assert caught.value.at is not None

    def test_a_mistake_in_it_is_told_at_its_line(self, project: Project) -> None:
        project.recipe(**recipe("x", install={"dockerfile": "D.j2"}))
        project.write({"recipes/x/D.j2": "RUN true\nRUN {% if %}\n"}).images(app=["x"])
        with pytest.raises(EdgebakeError) as caught:
            project.compile()
        assert str(caught.value.at).endswith("recipes/x/D.j2:2:1")

    def test_a_file_that_is_not_there_is_told(self, project: Project) -> None:
        project.recipe(**recipe("x", install={"dockerfile": "D.j2"}))
        project.write({"recipes/x/D.j2": "COPY {{ file('nope') }} /\n"}).images(app=["x"])
        with pytest.raises(EdgebakeError, match="no file 'nope'"):
            project.compile()


class TestUntrustedText:
    """What a recipe or a project says is one word of an instruction, or it is refused."""

    @pytest.mark.parametrize(
        "source",
        [
            {"url": "https://example.org/a b.tgz"},
            {"url": "https://example.org/${BASE}/a.tgz"},
            {"url": "https://example.org/a.tgz", "to": "a b"},
            {"url": "https://example.org/a.tgz", "to": "$HOME"},
            {"git": "https://example.org/a.git", "ref": "v 1"},
            {"git": "https://example.org/a.git", "ref": "$BASE"},
            {"git": "https://example.org/a.git#main", "ref": "v1"},
            {"git": "https://example.org/a.git b", "ref": "v1"},
            {"git": "--checksum=x https://example.org/a.git", "ref": "v1"},
        ],
        ids=str,
    )
    def test_sources_are_two_words(self, project: Project, source: dict[str, str]) -> None:
        project.recipe(**compiled_recipe("x", build={"sources": [source]})).images(app=["x"])
        try:
            dockerfile = project.write({"recipes/x/build.sh": "make\n"}).dockerfile()
        except EdgebakeError:
            return
        (line,) = (line for line in dockerfile.splitlines() if line.startswith("ADD "))
        assert line.startswith('ADD --link ["') or (len(line.split()) == 4 and "$" not in line.replace("\\$", ""))
        assert line.count("#") <= 1

    def test_a_repository_over_https_is_never_taken_for_a_page(self, project: Project) -> None:
        """BuildKit downloads the page of an HTTP URL that does not end in .git, and says nothing."""
        source = {"git": "https://github.com/ggml-org/llama.cpp", "ref": "b1", "commit": "c" * 40}
        project.recipe(**compiled_recipe("x", build={"sources": [source]})).images(app=["x"])
        text = stage_text(project.write({"recipes/x/build.sh": "make\n"}).dockerfile(), "eb-x-build")
        assert f"ADD --link https://github.com/ggml-org/llama.cpp.git#{'c' * 40} /src\n" in text

    @pytest.mark.parametrize("key", ["a b", 'a"b', "${BASE}", "a=b", "a\\"])
    def test_labels_keep_their_names(self, project: Project, key: str) -> None:
        project.images(app={"recipes": ["zlib"], "targets": ["cpu"], "labels": {key: "value"}})
        try:
            dockerfile = project.dockerfile()
        except EdgebakeError:
            return
        assert any(line.startswith('LABEL "') for line in dockerfile.splitlines())


def test_catalogue_files_are_vendored_and_the_projects_own_are_not(tmp_path: Path) -> None:
    shared = recipe("shared", install={"files": {"conf": "/etc/conf"}, "script": "setup.sh"})
    project = make_project(tmp_path, catalogue=[*CATALOGUE, shared], targets=[CPU])
    home = project.builtin / "recipes/shared"
    (home / "conf").write_text("vendored")
    (home / "setup.sh").write_text("true\n")
    project.recipe(**recipe("own", install={"files": {"conf": "/etc/own"}}))
    project.write({"recipes/own/conf": "own"}).images(app=["shared", "own"])
    files = project.files()
    assert files["context/shared/conf"] == "vendored"
    assert "source=bake/context/shared/setup.sh," in files["cpu/Dockerfile"]
    assert "COPY --link recipes/own/conf /etc/own" in files["cpu/Dockerfile"]
    assert not [path for path in files if path.startswith("context/own")]
