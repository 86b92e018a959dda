"""What users import: every public name exists, and importing the package is light."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import evaluator_component

PACKAGES = (
    "",
    ".api",
    ".component",
    ".confidence",
    ".config",
    ".evaluators",
    ".extractors",
    ".inputs",
    ".results",
    ".saved_model",
    ".slicing",
    ".validation",
    ".views",
    ".writers",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_sorted_and_without_repetition(name: str) -> None:
    package = importlib.import_module(f"evaluator_component{name}")
    assert len(set(package.__all__)) == len(package.__all__)
    assert list(package.__all__), name


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_exists(name: str) -> None:
    package = importlib.import_module(f"evaluator_component{name}")
    missing = [each for each in package.__all__ if not hasattr(package, each)]
    assert not missing


@pytest.mark.slow
def test_a_star_import_gives_every_name() -> None:
    names: dict[str, object] = {}
    exec("from evaluator_component import *", names)
    assert set(evaluator_component.__all__) <= set(names)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("apache_beam", "tensorflow", "tfx", "pandas", "pyarrow", "numpy", "google.protobuf")
    program = (
        "import sys, evaluator_component\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_the_names_of_the_published_architecture_exist() -> None:
    import evaluator_component as tfma

    assert tfma.EvalConfig().DESCRIPTOR.full_name == "evaluator_component.EvalConfig"
    assert tfma.extractors.SLICE_KEY_EXTRACTOR_STAGE_NAME
    assert tfma.METRICS_KEY == "metrics"
    assert tfma.ANALYSIS_KEY == "analysis"
    assert callable(tfma.slicer.FanoutSlices)
    assert callable(tfma.run_model_analysis)
