"""Finding out what a model is, and models that need no TensorFlow."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import (
    FunctionModel,
    Model,
    PredictionColumns,
    clear_models,
    load_model,
    pick_prediction,
    predict_good,
    resolve_path,
)
from evaluator_component.saved_model.loader import model_type_of
from evaluator_component.saved_model.robust import Sizer, take_rows

BATCH = {"features": {"hour": pa.array([7, 19, 23]), "p": pa.array([[0.1], None, [0.3]])}}


def test_a_model_artifact_a_versioned_folder_and_a_lone_file_are_resolved(tmp_path):
    serving = tmp_path / "artifact" / "Format-Serving"
    serving.mkdir(parents=True)
    (serving / "saved_model.pb").touch()
    assert resolve_path(str(tmp_path / "artifact")) == str(serving)
    eval_folder = tmp_path / "artifact" / "Format-TFMA"
    eval_folder.mkdir()
    (eval_folder / "saved_model.pb").touch()
    assert resolve_path(str(tmp_path / "artifact")) == str(eval_folder)
    assert resolve_path(str(tmp_path / "artifact"), "tf_generic") == str(serving)
    for version in ("2", "10"):
        (tmp_path / "served" / version).mkdir(parents=True)
        (tmp_path / "served" / version / "saved_model.pb").touch()
    assert resolve_path(str(tmp_path / "served")).endswith("/10")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.keras").touch()
    assert resolve_path(str(tmp_path / "one")).endswith("model.keras")


def test_kinds_are_told_by_what_is_there(tmp_path):
    for name in ("m.keras", "m.h5", "m.tflite", "m.onnx", "m.ubj", "m.joblib", "m.pt2"):
        (tmp_path / name).touch()
    kinds = [
        model_type_of(str(tmp_path / name))
        for name in ("m.keras", "m.h5", "m.tflite", "m.onnx", "m.ubj", "m.joblib", "m.pt2")
    ]
    assert kinds == ["keras", "keras", "tflite", "onnx", "xgboost", "sklearn", "pytorch"]
    assert model_type_of("package.module:function") == "python"
    assert model_type_of("grpc://host:1/m") == "serving"


def test_mistakes_in_paths_and_types_have_hints(tmp_path):
    (tmp_path / "model.keras").touch()
    with pytest.raises(ModelError, match=r"no model at .*did you mean 'model\.keras'"):
        load_model(str(tmp_path / "modell.keras"))
    with pytest.raises(ModelError, match="there is no folder"):
        load_model(str(tmp_path / "no" / "where"))
    with pytest.raises(ModelError, match="did you mean 'tf_generic'"):
        load_model(str(tmp_path / "model.keras"), model_type="tf_genric")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelError, match=r"no model of a known kind: no saved_model\.pb"):
        load_model(str(tmp_path / "folder"))
    with pytest.raises(ModelError, match="a int is no model"):
        load_model(3)


def test_functions_and_objects_are_models():
    model = load_model(lambda batch: np.asarray(batch["hour"]) > 12)
    assert isinstance(model, Model)
    assert model.predict(BATCH).tolist() == [False, True, True]
    assert load_model(model) is model

    class Own:
        needs = ("hour",)

        def predict(self, batch):
            return {"a": np.asarray(batch["hour"]), "b": np.zeros(3)}

    found = load_model(Own())
    assert found.needs == ("hour",)
    assert sorted(found.predict(BATCH)) == ["a", "b"]


def test_a_function_by_its_path_is_loaded_and_its_mistakes_are_told(tmp_path):
    (tmp_path / "own.py").write_text(
        "def score(batch):\n    return [v / 24 for v in batch['hour'].to_pylist()]\n"
        "score.needs = ['hour']\n"
        "def nothing(batch):\n    pass\n"
        "def broken(batch):\n    return batch['missing']\n"
        "class Model:\n    def predict(self, batch):\n        return [0.5] * len(batch['hour'])\n"
    )
    home = str(tmp_path / "own.py")
    model = load_model(f"{home}:score", model_type="python")
    assert model.needs == ("hour",)
    np.testing.assert_allclose(model.predict(BATCH), [7 / 24, 19 / 24, 23 / 24])
    assert load_model(f"{home}:Model", model_type="python").predict(BATCH).tolist() == [0.5] * 3
    with pytest.raises(ModelError, match="did you mean 'score'"):
        load_model(f"{home}:scor", model_type="python")
    with pytest.raises(ModelError, match="returned None"):
        load_model(f"{home}:nothing", model_type="python").predict(BATCH)
    with pytest.raises(ModelError, match="KeyError: 'missing'"):
        load_model(f"{home}:broken", model_type="python").predict(BATCH)
    with pytest.raises(ModelError, match="cannot import 'no_such_module'"):
        load_model("no_such_module:f")


def test_a_path_is_loaded_once_per_process_and_again_when_it_changed(tmp_path):
    home = tmp_path / "counted.py"
    home.write_text(
        "import sys, time\n"
        "class Model:\n"
        "    def __init__(self):\n"
        "        time.sleep(0.05)\n"
        "        sys.loaded_by_test = getattr(sys, 'loaded_by_test', 0) + 1\n"
        "    def predict(self, batch):\n        return [0]\n"
    )
    import sys

    sys.loaded_by_test = 0
    clear_models()
    path = f"{home}:Model"
    threads = [threading.Thread(target=load_model, args=(path, "", "python")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.loaded_by_test == 1


def test_prediction_columns_are_arrays_matrices_or_several_outputs():
    model = PredictionColumns("p")
    assert model.needs == ("p",)
    np.testing.assert_array_equal(model.predict(BATCH), [0.1, np.nan, 0.3])
    both = PredictionColumns({"a": "p", "b": "hour"}).predict(BATCH)
    assert sorted(both) == ["a", "b"]
    wide = {"features": {"p": pa.array([[0.1, 0.9], [0.5, 0.5]])}}
    assert PredictionColumns("p").predict(wide).shape == (2, 2)
    text = {"features": {"p": pa.array(["a", "b"])}}
    assert PredictionColumns("p").predict(text).tolist() == [b"a", b"b"]
    with pytest.raises(ModelError, match="did you mean 'p'"):
        PredictionColumns("pp").predict({"features": {"p": pa.array([1])}})


def test_the_prediction_is_picked_by_key_or_by_its_usual_name():
    outputs = {"classes": np.zeros(1), "probabilities": np.ones(1)}
    assert pick_prediction(outputs)[0] == 1
    assert pick_prediction(outputs, "classes")[0] == 0
    assert pick_prediction({"x": np.ones(1)})[0] == 1
    with pytest.raises(ModelError, match="did you mean 'classes'"):
        pick_prediction(outputs, "class")
    with pytest.raises(ModelError, match="several outputs"):
        pick_prediction({"a": np.ones(1), "b": np.ones(1)})


def test_rows_that_a_model_fails_on_are_found_and_left_out():
    def fussy(batch):
        values = np.asarray(batch["hour"])
        if (values == 19).any():
            raise ValueError("not at seven")
        return values

    model = FunctionModel(fussy)
    predictions, kept, bad = predict_good(model, BATCH, 3)
    assert predictions.tolist() == [7, 23]
    assert kept.tolist() == [0, 2]
    assert [(row, "not at seven" in reason) for row, reason in bad] == [(1, True)]
    with pytest.raises(ModelError, match="not at seven"):
        predict_good(model, {"features": {"hour": pa.array([19, 19])}}, 2)
    assert predict_good(model, take_rows(BATCH, slice(0, 1)), 1)[1] is None


def test_a_batch_too_large_for_memory_is_halved_and_the_size_remembered():
    sizes = []

    def call(start, stop):
        sizes.append(stop - start)
        if stop - start > 3:
            raise MemoryError
        return {"a": np.arange(start, stop)}

    sizer = Sizer()
    assert sizer.call(call, 10)["a"].tolist() == list(range(10))
    assert sizer.rows == 2
    sizes.clear()
    sizer.call(call, 4)
    assert sizes == [2, 2]

    def hopeless(start, stop):
        raise MemoryError("one row is too much")

    with pytest.raises(MemoryError):
        Sizer().call(hopeless, 4)


def test_a_batch_size_is_kept_by_every_model():
    sizes = []

    def count(batch):
        sizes.append(len(batch["hour"]))
        return np.asarray(batch["hour"])

    assert load_model(count, options={"batch_size": 2}).predict(BATCH).tolist() == [7, 19, 23]
    assert sizes == [2, 1]


def test_options_that_a_model_has_not_are_refused():
    with pytest.raises(ModelError, match="did you mean 'batch_size'"):
        load_model(len, options={"batchsize": 2})
    with pytest.raises(ModelError, match="'timeout_seconds' is for models of type serving"):
        load_model(len, options={"timeout_seconds": 2})
