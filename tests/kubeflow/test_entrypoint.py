"""What the entry point of a pod makes of URIs, types and properties."""

from __future__ import annotations

import json
import math

import pytest

from evaluator_component.component.kubeflow_entrypoint import LocalPaths, main
from evaluator_component.component.kubeflow_messages import read_artifacts, write_report

pytest.importorskip("kfp", reason="kfp is not there: pip install 'evaluator_component[kubeflow]'")
pytestmark = pytest.mark.slow

FOLDER = "minio://mlpipeline/v2/artifacts/p/1/Step/2"


def step(folder, executor, artifact_type, *arguments, scheme="minio"):
    """Runs an executor of this file as a pod would; returns exit code and what it reported."""
    output_file = folder / "kfp_outputs" / "output_metadata.json"
    uri = f"{scheme}://mlpipeline/v2/artifacts/p/1/Step/2/made"
    made = {"name": "made", "uri": uri, "type": artifact_type}
    # As the launcher does; the output itself is the step's to make.
    (folder / uri.replace("://", "/")).parent.mkdir(parents=True, exist_ok=True)
    invocation = {
        "inputs": {"parameterValues": {"greeting": "hello", "times": 3}},
        "outputs": {"artifacts": {"made": {"artifacts": [made]}}, "outputFile": str(output_file)},
    }
    parameters = {
        "greeting": {"parameterType": "STRING"},
        "times": {"parameterType": "NUMBER_INTEGER"},
    }
    code = main(
        [
            f"--executor_class_path=pod_executors.{executor}",
            f"--json_serialized_invocation_args={json.dumps(invocation)}",
            f"--json_serialized_inputs_spec_args={json.dumps({'parameters': parameters})}",
            *arguments,
        ]
    )
    if not output_file.exists():
        return code, None
    (reported,) = json.loads(output_file.read_text())["artifacts"]["made"]["artifacts"]
    return code, reported


METRICS = {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1"}
MODEL = {"instanceSchema": "title: tfx.Model\ntype: object\n"}


def test_parameters_keep_their_types_and_outputs_lie_where_the_launcher_looks(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EVALUATOR_KUBEFLOW_PREFIX", str(tmp_path))
    code, reported = step(tmp_path, "Greeter", METRICS)
    assert code == 0
    assert reported["uri"] == f"{FOLDER}/made"
    assert reported["metadata"]["greeting"] == "hello hello hello"
    assert (tmp_path / "minio/mlpipeline/v2/artifacts/p/1/Step/2/made/said").read_text() == "hello"


def test_values_that_the_store_would_refuse_do_not_fail_a_step(tmp_path, monkeypatch):
    monkeypatch.setenv("EVALUATOR_KUBEFLOW_PREFIX", str(tmp_path))
    code, reported = step(tmp_path, "Careless", METRICS)
    assert code == 0
    metadata = reported["metadata"]
    assert metadata["good"] == 0.5
    assert metadata["done"] == 1
    assert metadata["nested"] == {"a": [1.0, None], "b": {"c": None}}
    assert metadata["place"] == f"{FOLDER}/made/part"
    assert set(metadata["undefined"].split(", ")) == {"lift", "ratio"}
    assert not {"lift", "ratio"} & metadata.keys()


def test_a_mistake_of_the_user_ends_with_its_message_and_reports_nothing(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("EVALUATOR_KUBEFLOW_PREFIX", str(tmp_path))
    code, reported = step(tmp_path, "Refusing", METRICS)
    assert (code, reported) == (2, None)
    assert capfd.readouterr().err.splitlines()[-1] == "ConfigError: no metric is called 'Acu'"


def test_where_beam_runs_elsewhere_uris_stay_what_its_workers_can_open(tmp_path, monkeypatch):
    monkeypatch.setenv("EVALUATOR_KUBEFLOW_PREFIX", str(tmp_path))
    _, here = step(tmp_path, "Telling", MODEL, "--runner=FnApiRunner", scheme="gs")
    _, there = step(tmp_path, "Telling", MODEL, "--runner=DataflowRunner", scheme="gs")
    assert here["metadata"]["opened"] == f"a path below {tmp_path}/gcs"
    assert there["metadata"]["opened"] == "a URI of gs"


def test_ids_of_models_in_a_blessing_are_the_stores(tmp_path, monkeypatch):
    monkeypatch.setenv("EVALUATOR_KUBEFLOW_PREFIX", str(tmp_path))
    blessing = {"instanceSchema": "title: tfx.ModelBlessing\ntype: object\n"}
    output_file = tmp_path / "kfp_outputs" / "output_metadata.json"
    made = {"name": "blessing", "uri": f"{FOLDER}/blessing", "type": blessing}
    model = {"name": "17", "uri": f"{FOLDER}/model", "type": MODEL}
    invocation = {
        "inputs": {"artifacts": {"model": {"artifacts": [model]}}},
        "outputs": {
            "artifacts": {"blessing": {"artifacts": [made]}},
            "outputFile": str(output_file),
        },
    }
    given = f"--json_serialized_invocation_args={json.dumps(invocation)}"
    assert main(["--executor_class_path=pod_executors.Blessing", given]) == 0
    (reported,) = json.loads(output_file.read_text())["artifacts"]["blessing"]["artifacts"]
    assert reported["metadata"]["current_model_id"] == "17"
    assert reported["metadata"]["current_model"] == f"{FOLDER}/model"
    assert reported["metadata"]["blessed"] == 1


def test_properties_of_a_type_keep_their_names(tmp_path):
    from tfx.types import standard_artifacts

    examples = standard_artifacts.Examples()
    examples.uri = "/minio/b/examples"
    examples.span = 3
    examples.set_string_custom_property("span", "of another")
    paths = LocalPaths()
    paths.to_local("minio://b/examples")
    path = tmp_path / "out" / "report.json"
    write_report({"examples": [examples]}, str(path), to_remote=paths.to_remote)
    report = json.loads(path.read_text())
    (reported,) = report["artifacts"]["examples"]["artifacts"]
    assert reported["uri"] == "minio://b/examples"
    assert reported["metadata"]["span"] == 3
    assert reported["metadata"]["custom:span"] == "of another"
    assert all(math.isfinite(v) for v in reported["metadata"].values() if isinstance(v, float))


def test_artifacts_are_read_as_tfxs_own_entry_point_reads_them():
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2 as messages
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as theirs

    metadata = {
        "span": 3,
        "version": "none: a word",
        "split_names": '["train", "eval"]',
        "custom:span": "custom",
        "tfx_version": "1.21.0",
        "share": 0.5,
        "files": {"list": ["a", "b"]},
    }
    examples = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
    artifact = {"name": "17", "uri": "/minio/b/e", "type": examples, "metadata": metadata}
    given = {"examples": {"artifacts": [artifact]}}
    name_of: dict[int, str] = {}
    (ours,) = read_artifacts(given, name_of)["examples"]

    parsed = json_format.ParseDict({"artifacts": given}, messages.ExecutorInput.Inputs())
    their_names: dict[int, str] = {}
    (expected,) = theirs.parse_raw_artifact_dict(parsed.artifacts, their_names)["examples"]
    assert name_of == their_names
    assert type(ours) is type(expected)
    assert ours.mlmd_artifact == expected.mlmd_artifact
    assert (ours.span, ours.split_names) == (3, '["train", "eval"]')
    assert ours.get_custom_property("share") == expected.get_custom_property("share") == 0.5


def test_a_step_does_not_import_all_of_tfxs_components():
    import subprocess
    import sys

    told = "import sys, evaluator_component.component.executor as e\n"
    told += "import evaluator_component.component.kubeflow_entrypoint\n"
    told += "from evaluator_component.component.kubeflow_messages import _class_path as p\n"
    told += "p({'schemaTitle': 'tfx.Model'})\n"
    told += "print([name for name in ('tfx.components', 'tensorflow_model_analysis') "
    told += "if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
