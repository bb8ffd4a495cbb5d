"""Logins for package indexes: a secret of the build, in the steps that fetch wheels, in projects that have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.projects import Project, make_project, stage_text

MOUNT = "--mount=type=secret,id=netrc,mode=0444"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path).images(app=["numpy"])


def test_a_locked_image_fetches_with_them(project: Project) -> None:
    project.set(secrets={"netrc": {"file": ".netrc"}})
    project.lock({"numpy": {"numpy==2.3.1": []}})
    assert MOUNT in stage_text(project.dockerfile(), "eb-numpy-fetch")


def test_an_unlocked_image_installs_with_them(project: Project) -> None:
    project.set(secrets={"netrc": {"file": ".netrc"}})
    text = stage_text(project.dockerfile(), "eb-numpy")
    assert MOUNT in text
    assert "NETRC=/run/secrets/netrc" in text


def test_without_the_secret_no_step_mentions_it(project: Project) -> None:
    assert "netrc" not in project.dockerfile().lower()
    project.set(secrets={"token": {"env": "TOKEN"}})
    project.lock({"numpy": {"numpy==2.3.1": []}})
    assert "netrc" not in project.dockerfile().lower()
