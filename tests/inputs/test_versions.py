"""Workers of other versions are told apart before they compute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluator_component.errors import EvaluatorError
from evaluator_component.inputs.versions import Versions
from evaluator_component.version import __version__


def test_the_same_versions_are_accepted():
    Versions.here().check()


@pytest.mark.parametrize("name", ["evaluator_component", "apache_beam", "python"])
def test_another_version_is_refused_and_both_are_named(name):
    here = Versions.here()
    submitter = replace(here, **{name: "0.0.1"})
    with pytest.raises(EvaluatorError, match=f"0.0.1, the worker {getattr(here, name)}"):
        submitter.check()


def test_the_reader_refuses_when_a_worker_sets_it_up(tmp_path):
    from evaluator_component.inputs import Source
    from evaluator_component.inputs.read import Read, _ReadShard

    (tmp_path / "rows.csv").write_text("a\n1\n")
    reader = _ReadShard(Read(Source(str(tmp_path / "rows.csv"))).plan, 0)
    reader.setup()
    reader.versions = replace(reader.versions, evaluator_component=f"{__version__}.old")
    with pytest.raises(EvaluatorError, match="install the submitter's versions"):
        reader.setup()
