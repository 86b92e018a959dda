from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from evaluator_component.component.wheel import content_hash, package_files, write_wheel


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "source" / "flight_hooks.py"
    path.parent.mkdir()
    path.write_text("ANSWER = 42\n")
    return path


def test_equal_files_give_equal_bytes_whatever_their_times(module, tmp_path):
    first = write_wheel({"a.py": module}, name="user", into=tmp_path / "one")
    os.utime(module, (1, 1))
    second = write_wheel({"a.py": module}, name="user", into=tmp_path / "two")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_changed_code_changes_the_name(module, tmp_path):
    first = write_wheel({"a.py": module}, name="user", into=tmp_path)
    module.write_text("ANSWER = 43\n")
    assert write_wheel({"a.py": module}, name="user", into=tmp_path).name != first.name


def test_moving_code_between_files_changes_the_hash(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("ab")
    two.write_text("c")
    before = content_hash({"one.py": one, "two.py": two})
    one.write_text("a")
    two.write_text("bc")
    assert content_hash({"one.py": one, "two.py": two}) != before


def test_a_wheel_is_imported_from_the_path_without_being_installed(module, tmp_path):
    wheel = write_wheel({"flight_hooks.py": module}, name="user", into=tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); import flight_hooks as m; print(m.ANSWER)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "42", done.stderr


def test_pip_installs_a_wheel(module, tmp_path):
    wheel = write_wheel(
        {"flight_hooks.py": module}, name="user", into=tmp_path, version="1.2", requires=["numpy"]
    )
    target = tmp_path / "target"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run([*pip, "--target", target, wheel], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (target / "flight_hooks.py").read_text() == "ANSWER = 42\n"
    assert "Requires-Dist: numpy" in next(target.glob("user-1.2*/METADATA")).read_text()


def test_every_file_is_in_the_record_with_its_size(module, tmp_path):
    wheel = write_wheel({"flight_hooks.py": module}, name="user", into=tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith("RECORD"))
        lines = archive.read(record).decode().splitlines()
    assert {line.split(",")[0] for line in lines} == set(zipfile.ZipFile(wheel).namelist())
    assert next(line for line in lines if line.startswith("flight_hooks.py")).endswith(",12")


def test_a_package_is_taken_without_its_bytecode(tmp_path):
    (tmp_path / "package" / "__pycache__").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__pycache__" / "x.pyc").write_text("")
    assert list(package_files(tmp_path / "package", "package/")) == ["package/__init__.py"]
