"""scikit-learn, XGBoost, ONNX and PyTorch models, real ones."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import load_model

sys.path.insert(0, str(Path(__file__).parent))
from tiny import rows

DATA = rows(200)
FRAME = pd.DataFrame({name: DATA[name] for name in ("delay", "hour")})
LABEL = DATA["late"]
# As tf.Examples have them: lists, a missing value is an empty list or null.
BATCH = {
    "features": {
        "carrier": pa.array([[value.encode()] for value in DATA["carrier"]]),
        "delay": pa.array(
            [None if v != v else [v] for v in DATA["delay"].tolist()], pa.list_(pa.float32())
        ),
        "hour": pa.array([[value] for value in DATA["hour"].tolist()]),
    }
}


def test_a_scikit_learn_pipeline_on_a_frame_gives_the_probability_of_the_second_class(tmp_path):
    import joblib
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({name: DATA[name] for name in ("carrier", "delay", "hour")})
    frame["carrier"] = frame["carrier"].astype(object)
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), ["carrier"]), (SimpleImputer(), ["delay", "hour"])
        ),
        LogisticRegression(),
    ).fit(frame, LABEL)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = load_model(str(tmp_path / "model.joblib"))
    assert loaded.needs == ("carrier", "delay", "hour")
    assert loaded.class_names == ("0", "1")
    np.testing.assert_allclose(loaded.predict(BATCH), model.predict_proba(frame)[:, 1])
    classes = load_model(model, options={"method": "predict"})
    np.testing.assert_array_equal(classes.predict(BATCH), model.predict(frame))
    with pytest.raises(ModelError, match="did you mean 'predict_proba'"):
        load_model(model, options={"method": "predict_prob"})


def test_estimators_that_know_no_names_need_them(tmp_path):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    model = HistGradientBoostingClassifier(max_iter=5).fit(FRAME.to_numpy(), DATA["kind"])
    with pytest.raises(ModelError, match=r"give options=\{'features'"):
        load_model(model)
    loaded = load_model(model, options={"features": ["delay", "hour"]})
    found = loaded.predict(BATCH)
    assert found.shape == (200, 3)
    np.testing.assert_allclose(found, model.predict_proba(FRAME.to_numpy()))
    regressor = HistGradientBoostingRegressor(max_iter=5).fit(FRAME, LABEL)
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(regressor))
    loaded = load_model(str(tmp_path / "m.pkl"))
    np.testing.assert_allclose(loaded.predict(BATCH), regressor.predict(FRAME))
    with pytest.raises(ModelError, match=r"options: unknown 'featurs' .*did you mean 'features'"):
        load_model(regressor, options={"featurs": []})


def test_an_xgboost_booster_takes_missing_values_as_they_are(tmp_path):
    import xgboost

    data = xgboost.DMatrix(FRAME, LABEL)
    model = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 5)
    for name in ("m.ubj", "m.json"):
        model.save_model(tmp_path / name)
        loaded = load_model(str(tmp_path / name))
        assert loaded.needs == ("delay", "hour")
        np.testing.assert_allclose(loaded.predict(BATCH), model.predict(data), rtol=1e-6)
    classifier = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(FRAME, LABEL)
    loaded = load_model(classifier)
    np.testing.assert_allclose(loaded.predict(BATCH), classifier.predict_proba(FRAME)[:, 1])


def test_xgboost_categories_are_handed_over_as_categories():
    import xgboost

    frame = FRAME.assign(carrier=pd.Categorical(DATA["carrier"]))
    model = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1},
        xgboost.DMatrix(frame, LABEL, enable_categorical=True),
        5,
    )
    loaded = load_model(model)
    expected = model.predict(xgboost.DMatrix(frame, enable_categorical=True))
    np.testing.assert_allclose(loaded.predict(BATCH), expected, rtol=1e-6)


@pytest.mark.parametrize("zipmap", [True, False])
def test_an_onnx_model_with_one_matrix_input(tmp_path, zipmap):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    matrix = FRAME.fillna(0).to_numpy(np.float32)
    model = LogisticRegression().fit(matrix, LABEL)
    path = tmp_path / "m.onnx"
    onnx = to_onnx(model, matrix[:1], options={"zipmap": zipmap})
    path.write_bytes(onnx.SerializeToString())
    with pytest.raises(ModelError, match=r"takes a matrix of 2 features; give options"):
        load_model(str(path))
    loaded = load_model(str(path), options={"features": ["delay", "hour"]})
    batch = {"features": dict(BATCH["features"], delay=pa.array(FRAME["delay"].fillna(0)))}
    found = loaded.predict(batch)
    probabilities = next(part for name, part in found.items() if "prob" in name)
    np.testing.assert_allclose(probabilities, model.predict_proba(matrix), rtol=1e-4)


def test_an_onnx_model_with_named_inputs(tmp_path):
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"carrier": DATA["carrier"].astype(object), "hour": DATA["hour"]})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["carrier"]), ("passthrough", ["hour"])),
        LinearRegression(),
    ).fit(frame, LABEL)
    types = [("carrier", StringTensorType([None, 1])), ("hour", FloatTensorType([None, 1]))]
    path = tmp_path / "m.onnx"
    path.write_bytes(convert_sklearn(model, initial_types=types).SerializeToString())
    loaded = load_model(str(path))
    assert loaded.needs == ("carrier", "hour")
    batch = {"features": dict(BATCH["features"], carrier=pa.array(DATA["carrier"].tolist()))}
    np.testing.assert_allclose(loaded.predict(batch)[:, 0], model.predict(frame), atol=1e-4)


def test_a_pytorch_module_takes_a_matrix(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Sigmoid())
    expected = module(torch.tensor(DATA["hour"][:, None], dtype=torch.float32)).detach().numpy()
    torch.jit.script(module).save(str(tmp_path / "m.pt"))
    for model in (module, str(tmp_path / "m.pt")):
        loaded = load_model(model, options={"features": ["hour"]})
        np.testing.assert_allclose(loaded.predict(BATCH), expected, rtol=1e-6)


def test_a_file_that_is_no_model_is_said(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    (tmp_path / "m.ubj").write_bytes(b"nonsense")
    (tmp_path / "m.pkl").write_bytes(b"nonsense")
    for name in ("m.onnx", "m.ubj", "m.pkl"):
        with pytest.raises(ModelError, match="cannot load"):
            load_model(str(tmp_path / name))
