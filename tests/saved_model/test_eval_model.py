"""Eval SavedModels: exported, loaded where none of the model's code is, and compared with Keras."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import export_eval_savedmodel, load_model
from evaluator_component.saved_model.metadata import read_metadata, write_metadata

sys.path.insert(0, str(Path(__file__).parent))
import tiny

pytestmark = pytest.mark.slow

DATA = tiny.rows()
BATCH = tiny.batch(DATA)
SPEC = {"late": "int", "weight": float, "kind": "int"}


@pytest.fixture(scope="module")
def tf():
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


def whole(metric, extracts):
    """The metric over all rows, from what each row adds."""
    states = metric.row_states(extracts)
    sums = {name: rows.astype(np.float64).sum(0, keepdims=True) for name, rows in states.items()}
    return metric.result(sums)[0]


def parts(metric, extracts, groups=5):
    """The metric over all rows, from the states of groups added up."""
    rows = len(next(iter(metric.row_states(extracts).values())))
    states = metric.group_states(extracts, np.arange(rows) % groups, groups)
    return metric.result({name: part.sum(0, keepdims=True) for name, part in states.items()})[0]


def agree(model, reference, extracts):
    assert set(model.metrics) == set(reference)
    for name, metric in model.metrics.items():
        expected = np.asarray(reference[name])
        np.testing.assert_allclose(
            whole(metric, extracts), expected, rtol=1e-6, atol=1e-6, err_msg=name
        )
        np.testing.assert_allclose(
            parts(metric, extracts), expected, rtol=1e-6, atol=1e-6, err_msg=name
        )


@pytest.fixture(scope="module")
def binary(keras, tf, tmp_path_factory):
    """A trained Keras 3 model with many metrics, and where it was exported."""
    metrics = keras.metrics
    model = tiny.binary_model(
        keras,
        metrics=["accuracy", metrics.AUC(name="auc"), metrics.MeanSquaredError(name="mse")],
        weighted_metrics=[
            metrics.AUC(name="weighted_auc", curve="PR", num_thresholds=50),
            metrics.Precision(name="precision", thresholds=[0.3, 0.5]),
            metrics.RecallAtPrecision(0.5, name="recall_at_precision"),
            metrics.R2Score(name="r2"),
            metrics.F1Score(name="f1", threshold=0.4),
            metrics.BinaryCrossentropy(name="entropy"),
            metrics.RootMeanSquaredError(name="rmse"),
        ],
    )
    data = tiny.dataset(DATA, DATA["late"][:, None].astype(np.float32))
    model.fit(data, epochs=2, verbose=0)
    path = str(tmp_path_factory.mktemp("export") / "Format-TFMA")
    export_eval_savedmodel(
        model,
        path,
        feature_spec=SPEC,
        label_key="late",
        example_weight_key="weight",
        analysis_features={"tags": tf.io.VarLenFeature(tf.string)},
        class_names=["on time", "late"],
    )
    return model, path


def test_metrics_in_the_graph_are_those_of_model_evaluate(binary, keras):
    model, path = binary
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    data = tiny.dataset(DATA, DATA["late"][:, None].astype(np.float32))
    agree(loaded, model.evaluate(data, return_dict=True, verbose=0), extracts)


def test_metrics_of_every_slice_are_those_of_model_evaluate_on_it(binary):
    model, path = binary
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    names, ids = np.unique(DATA["carrier"], return_inverse=True)
    for place, name in enumerate(names):
        rows = DATA["carrier"] == name
        part = {key: column[rows] for key, column in DATA.items()}
        reference = model.evaluate(
            tiny.dataset(part, part["late"][:, None].astype(np.float32)),
            return_dict=True,
            verbose=0,
        )
        for metric_name, metric in loaded.metrics.items():
            found = metric.result(metric.group_states(extracts, ids, len(names)))[place]
            np.testing.assert_allclose(
                found, reference[metric_name], rtol=1e-6, atol=1e-6, err_msg=f"{metric_name} {name}"
            )


def test_rows_may_be_in_several_groups_or_in_none(binary):
    _, path = binary
    metric = load_model(path).metrics["mse"]
    extracts = load_model(path).extract(BATCH)
    twice = metric.group_states(extracts, np.array([0, 1, 1, -1]), 2, np.array([0, 0, 1, 2]))
    rows = metric.row_states(extracts)
    name = next(iter(rows))
    np.testing.assert_allclose(
        twice[name], [rows[name][0], rows[name][0] + rows[name][1]], rtol=1e-6
    )


def test_features_labels_and_weights_come_out_of_the_graph(binary):
    _, path = binary
    extracts = load_model(path).extract(BATCH)
    np.testing.assert_array_equal(extracts["labels"], DATA["late"])
    np.testing.assert_array_equal(extracts["example_weights"], DATA["weight"])
    np.testing.assert_array_equal(extracts["features"]["delay"][:, 0], DATA["delay"])
    assert extracts["features"]["tags"].to_pylist()[:3] == [[], [b"x"], [b"x", b"x"]]
    np.testing.assert_array_equal(extracts["predictions"], load_model(path).predict(BATCH))


def test_predictions_are_those_of_the_model(binary):
    model, path = binary
    expected = model.predict(tiny.inputs_of(DATA), verbose=0)
    np.testing.assert_allclose(load_model(path).predict(BATCH), expected, atol=1e-6)
    served = load_model(path, "serving_default")
    np.testing.assert_allclose(served.predict(BATCH), expected, atol=1e-6)


def test_the_metadata_say_what_there_is(binary):
    _, path = binary
    metadata = read_metadata(path)
    features = {feature.name: feature for feature in metadata.features}
    assert [name for name, feature in features.items() if feature.analysis_only] == ["kind", "tags"]
    assert features["delay"].optional
    assert features["delay"].default_value == '["NaN"]'
    assert not features["hour"].optional
    assert not features["late"].optional
    (output,) = metadata.outputs
    assert (output.label_key, output.example_weight_key) == ("late", "weight")
    assert list(output.class_names) == ["on time", "late"]
    assert metadata.package_versions["keras"]
    metrics = {metric.name: metric for metric in metadata.metrics}
    assert metrics["auc"].class_name == "AUC"
    assert (metrics["auc"].example_weighted, metrics["precision"].example_weighted) == (False, True)
    assert metrics["loss"].direction == 1
    assert metrics["auc"].direction == 2


def test_it_loads_in_a_process_that_has_neither_keras_nor_the_code_of_the_model(binary):
    _, path = binary
    script = f"""
        import sys
        sys.modules["keras"] = None
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import tiny
        from evaluator_component.saved_model import load_model
        model = load_model({path!r})
        extracts = model.extract(tiny.batch(tiny.rows(20)))
        print(model.metrics["auc"].row_states(extracts)["true_positives"].shape)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert run.stdout.strip().endswith("(20, 200)"), run.stderr[-2000:]


def test_metadata_of_a_later_release_are_refused(binary, tmp_path):
    _, path = binary
    metadata = read_metadata(path)
    metadata.version = 99
    write_metadata(metadata, str(tmp_path))
    with pytest.raises(ModelError, match="later release"):
        read_metadata(str(tmp_path))
    with pytest.raises(ModelError, match="is not an eval SavedModel"):
        read_metadata(str(tmp_path / "nothing"))


def test_multi_class_with_a_label_vocabulary(keras, tf, tmp_path):
    keras.utils.set_random_seed(2)
    inputs, hidden = tiny.keras_inputs(keras)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    metrics = keras.metrics
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
    )
    names = ["a", "b", "c"]
    data = {**DATA, "kind": np.array(names)[DATA["kind"]]}
    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        feature_spec={"kind": "string"},
        label_key="kind",
        label_vocabulary=names,
    )
    loaded = load_model(path)
    extracts = loaded.extract(tiny.batch(data))
    np.testing.assert_array_equal(extracts["labels"], DATA["kind"])
    reference = model.evaluate(
        tiny.dataset(DATA, DATA["kind"], weighted=False), return_dict=True, verbose=0
    )
    agree(loaded, reference, extracts)
    assert list(loaded.metadata.outputs[0].class_names) == names


def test_several_outputs_with_labels_metrics_and_one_loss(keras, tmp_path):
    keras.utils.set_random_seed(3)
    inputs, hidden = tiny.keras_inputs(keras)
    late = keras.layers.Dense(1, activation="sigmoid", name="late")(hidden)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(hidden)
    model = keras.Model(inputs, {"late": late, "kind": kind})
    model.compile(
        "adam",
        {"late": "binary_crossentropy", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"late": 1.0, "kind": 0.5},
        metrics={"late": [keras.metrics.AUC(name="auc")], "kind": ["accuracy"]},
    )
    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        feature_spec=SPEC,
        label_key={"late": "late", "kind": "kind"},
    )
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    assert sorted(extracts["predictions"]) == ["kind", "late"]
    labels = {"late": DATA["late"][:, None].astype(np.float32), "kind": DATA["kind"]}
    # Keras takes the mean of an output's loss over batches, whatever their size (and of one batch
    # too many where it does not know their number): one batch of all rows.
    data = tiny.dataset(DATA, labels, weighted=False, size=tiny.ROWS)
    agree(loaded, model.evaluate(data, return_dict=True, verbose=0), extracts)
    assert loaded.metrics["late_auc"].output_name == "late"
    with pytest.raises(ModelError, match=r"label_key: no output 'lat'.*did you mean 'late'"):
        export_eval_savedmodel(model, str(tmp_path / "n"), label_key={"lat": "late"})
    with pytest.raises(ModelError, match=r"give \{output: feature}"):
        export_eval_savedmodel(model, str(tmp_path / "n"), label_key="late")


def test_metrics_given_by_hand_and_a_metric_that_does_not_add_up(keras, tmp_path):
    model = tiny.binary_model(keras)

    class Largest(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="largest")
            self.value = self.add_weight(shape=(), initializer="zeros", name="value")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(keras.ops.maximum(self.value, keras.ops.max(y_pred)))

        def result(self):
            return self.value

    class Mine(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="mine")
            self.total = self.add_weight(shape=(2,), initializer="zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            y_true = keras.ops.cast(y_true, "float32")
            both = keras.ops.stack([keras.ops.sum(y_true), keras.ops.sum(y_pred)])
            self.total.assign(self.total + both)

        def result(self):
            return self.total[0] / self.total[1]

    options = {"feature_spec": SPEC, "label_key": "late"}
    with pytest.raises(ModelError, match=r"metric 'largest' does not add up"):
        export_eval_savedmodel(model, str(tmp_path / "m"), metrics=[Largest()], **options)
    assert not (tmp_path / "m").exists()
    path = export_eval_savedmodel(model, str(tmp_path / "m"), metrics=[Mine()], **options)
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    expected = DATA["late"].sum() / extracts["predictions"].sum()
    np.testing.assert_allclose(whole(loaded.metrics["mine"], extracts), expected, rtol=1e-5)
    twice = [keras.metrics.AUC(name="auc"), keras.metrics.AUC(name="auc", curve="PR")]
    with pytest.raises(ModelError, match="several are called 'auc'"):
        export_eval_savedmodel(model, str(tmp_path / "n"), metrics=twice, **options)
    with pytest.raises(ModelError, match="no Keras metric"):
        export_eval_savedmodel(
            model, str(tmp_path / "n"), metrics=[type("X", (), {"name": "x"})()], **options
        )
    path = export_eval_savedmodel(model, str(tmp_path / "none"), metrics=[], **options)
    assert load_model(path).metrics == {}


def test_preprocessing_functions_and_derived_labels_are_inside(keras, tf, tmp_path):
    keras.utils.set_random_seed(4)
    number = keras.Input((2,), name="numbers")
    model = keras.Model(number, keras.layers.Dense(1, activation="sigmoid")(number))
    model.compile(loss="binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])

    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tiny.CARRIERS, [1.0, 2.0, 3.0]), 0.0
    )

    def preprocess(features):
        delay = tf.where(tf.math.is_nan(features["delay"]), 0.0, features["delay"])
        return {"numbers": tf.stack([table.lookup(features["carrier"]), delay], axis=1)}

    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        feature_spec={"carrier": "string", "delay": "float", "hour": "int"},
        preprocess=preprocess,
        label_fn=lambda features: tf.cast(features["hour"] > 12, tf.int64),
    )
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    np.testing.assert_array_equal(extracts["labels"], DATA["hour"] > 12)
    codes = {"AA": 1.0, "DL": 2.0, "UA": 3.0}
    given = np.stack(
        [[codes.get(c, 0.0) for c in DATA["carrier"]], np.nan_to_num(DATA["delay"])], axis=1
    ).astype(np.float32)
    np.testing.assert_allclose(extracts["predictions"], model.predict(given, verbose=0), atol=1e-6)
    reference = model.evaluate(
        given, (DATA["hour"] > 12).astype(np.float32)[:, None], return_dict=True, verbose=0
    )
    agree(loaded, reference, extracts)


def test_labels_and_weights_may_be_absent_where_the_model_serves(keras, tf, tmp_path):
    number = keras.Input((1,), name="number")
    model = keras.Model(number, keras.layers.Dense(1)(number))
    options = {
        "feature_spec": {"hour": "int", "late": "int", "weight": "float"},
        "label_key": "late",
        "example_weight_key": "weight",
        "metrics": [],
    }
    records = [tiny.example(hour=int(hour)) for hour in DATA["hour"][:5]]
    unlabelled = {"input": pa.array(records, pa.large_binary())}
    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        preprocess=lambda features: {"number": tf.cast(features["hour"], tf.float32)[:, None]},
        **options,
    )
    for signature in ("", "serving_default"):
        found = load_model(path, signature).predict(unlabelled)
        expected = model.predict(DATA["hour"][:5, None].astype(np.float32), verbose=0)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ModelError, match="preprocess takes a feature that is not handed to it"):
        export_eval_savedmodel(
            model, str(tmp_path / "n"), preprocess=lambda features: features["late"], **options
        )


def test_models_that_are_called_with_a_list_one_tensor_or_everything(keras, tf, tmp_path):
    spec = {"hour": "int", "late": "int", "delay": "float"}
    hour, delay = keras.Input((1,), name="hour"), keras.Input((1,), name="delay")
    both = keras.layers.Concatenate()([hour, keras.ops.nan_to_num(delay)])
    listed = keras.Model([hour, delay], keras.layers.Dense(1)(both))
    single = keras.Sequential([keras.Input((1,), name="hour"), keras.layers.Dense(1)])

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, features, training=False):
            assert "late" not in features
            return self.dense(tf.cast(features["hour"], tf.float32)[:, None])

    hours = DATA["hour"][:, None].astype(np.float32)
    own = Own()
    own({"hour": tf.constant(DATA["hour"])})
    for place, (model, given) in enumerate(
        [
            (listed, [hours, DATA["delay"][:, None]]),
            (single, hours),
            (own, {"hour": tf.constant(DATA["hour"])}),
        ]
    ):
        path = export_eval_savedmodel(
            model, str(tmp_path / str(place)), feature_spec=spec, label_key="late", metrics=[]
        )
        expected = np.asarray(model(given))
        np.testing.assert_allclose(load_model(path).predict(BATCH), expected, atol=1e-5)


def test_a_schema_says_how_features_are_parsed(keras, tmp_path):
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = schema_pb2.Schema()
    kinds = {"carrier": schema_pb2.BYTES, "delay": schema_pb2.FLOAT, "hour": schema_pb2.INT,
             "late": schema_pb2.INT, "unused": schema_pb2.FLOAT}  # fmt: skip
    for name, kind in kinds.items():
        schema.feature.add(name=name, type=kind).value_count.max = 1
    schema.feature.add(name="tags", type=schema_pb2.BYTES)
    model = tiny.binary_model(keras)
    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        feature_spec=schema,
        label_key="late",
        analysis_features=["tags"],
        metrics=[],
    )
    names = {feature.name for feature in read_metadata(path).features}
    assert names == {"carrier", "delay", "hour", "late", "tags"}
    expected = model.predict(tiny.inputs_of(DATA), verbose=0)
    np.testing.assert_allclose(load_model(path).predict(BATCH), expected, atol=1e-6)


def test_mistakes_are_told_before_anything_is_written(keras, tmp_path):
    model = tiny.binary_model(keras, metrics=["accuracy"])
    path = str(tmp_path / "m")
    with pytest.raises(ModelError, match=r"the type of 'late' is not known.*'late': 'int'"):
        export_eval_savedmodel(model, path, label_key="late")
    with pytest.raises(ModelError, match=r"neither a tf\.io feature nor a type"):
        export_eval_savedmodel(model, path, label_key="late", feature_spec={"late": "nonsense"})
    with pytest.raises(ModelError, match=r"default_values: no feature 'delai'"):
        export_eval_savedmodel(
            model, path, label_key="late", feature_spec=SPEC, default_values={"delai": 0.0}
        )
    with pytest.raises(ModelError, match="cannot export a dict"):
        export_eval_savedmodel({}, path, label_key="late")
    assert not os.path.exists(path)


def test_missing_integers_take_their_default_or_fail_with_the_feature_named(keras, tf, tmp_path):
    model = tiny.binary_model(keras)
    options = {"feature_spec": SPEC, "label_key": "late", "metrics": []}
    data = {"carrier": np.array(["AA"]), "late": np.array([1]), "delay": np.array([1.0]),
            "kind": np.array([0]), "weight": np.array([1.0])}  # fmt: skip
    batch = tiny.batch(data)
    path = export_eval_savedmodel(model, str(tmp_path / "a"), **options)
    with pytest.raises(ModelError, match="hour"):
        load_model(path).predict(batch)
    path = export_eval_savedmodel(
        model, str(tmp_path / "b"), default_values={"hour": 12}, **options
    )
    found = load_model(path).predict(batch)
    expected = model.predict(tiny.inputs_of({**data, "hour": np.array([12])}), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_tf_keras_models_and_their_metrics(tmp_path):
    keras = pytest.importorskip("tf_keras")
    metrics = keras.metrics
    model = tiny.binary_model(
        keras,
        metrics=["accuracy", metrics.AUC(name="auc"), metrics.Precision(name="precision")],
        weighted_metrics=[metrics.MeanSquaredError(name="mse"), metrics.Recall(name="recall")],
    )
    data = tiny.dataset(DATA, DATA["late"][:, None].astype(np.float32))
    model.fit(data, epochs=1, verbose=0)
    path = export_eval_savedmodel(
        model, str(tmp_path / "m"), feature_spec=SPEC, label_key="late", example_weight_key="weight"
    )
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    reference = model.evaluate(data, return_dict=True, verbose=0)
    agree(loaded, reference, extracts)
    expected = model.predict(tiny.inputs_of(DATA), verbose=0)
    np.testing.assert_allclose(extracts["predictions"], expected, atol=1e-6)


def test_a_module_of_tensorflow_with_metrics_of_keras(keras, tf, tmp_path):
    class Odds(tf.Module):
        def __init__(self):
            super().__init__()
            self.slope = tf.Variable(0.1)

        def __call__(self, features):
            return tf.sigmoid(self.slope * tf.cast(features["hour"], tf.float32) - 1.0)

    path = export_eval_savedmodel(
        Odds(),
        str(tmp_path / "m"),
        feature_spec={"hour": "int", "late": "int"},
        label_key="late",
        metrics=[keras.metrics.AUC(name="auc")],
    )
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    expected = 1 / (1 + np.exp(1 - 0.1 * DATA["hour"]))
    np.testing.assert_allclose(extracts["predictions"], expected, rtol=1e-5)
    auc = keras.metrics.AUC()
    auc.update_state(DATA["late"], expected)
    np.testing.assert_allclose(whole(loaded.metrics["auc"], extracts), auc.result(), atol=1e-6)


def test_a_transform_graph_is_carried_inside(keras, tf, tmp_path):
    tft = pytest.importorskip("tensorflow_transform")
    import apache_beam as beam
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

    spec = {
        "delay": tf.io.FixedLenFeature([], tf.float32),
        "carrier": tf.io.FixedLenFeature([], tf.string),
        "late": tf.io.FixedLenFeature([], tf.int64),
    }
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))

    def preprocessing_fn(inputs):
        return {
            "delay_scaled": tft.scale_to_z_score(inputs["delay"]),
            "carrier_id": tft.compute_and_apply_vocabulary(inputs["carrier"], num_oov_buckets=1),
            "late": inputs["late"],
        }

    rows = [
        {"delay": float(np.nan_to_num(DATA["delay"][i])), "carrier": DATA["carrier"][i],
         "late": int(DATA["late"][i])}
        for i in range(50)
    ]  # fmt: skip
    with tft_beam.Context(str(tmp_path / "tmp")):
        with beam.Pipeline(runner="FnApiRunner") as pipeline:
            data = pipeline | beam.Create(rows)
            (_, _), function = (data, metadata) | tft_beam.AnalyzeAndTransformDataset(
                preprocessing_fn
            )
            _ = function | tft_beam.WriteTransformFn(str(tmp_path / "tft"))
            raw = str(tmp_path / "tft" / tft.TFTransformOutput.RAW_METADATA_DIR)
            _ = metadata | tft_beam.WriteMetadata(raw, pipeline)
    output = tft.TFTransformOutput(str(tmp_path / "tft"))

    inputs = {
        "delay_scaled": keras.Input((1,), name="delay_scaled"),
        "carrier_id": keras.Input((), name="carrier_id", dtype="int64"),
    }
    hidden = keras.layers.Concatenate()(
        [inputs["delay_scaled"], keras.layers.Embedding(8, 2)(inputs["carrier_id"])]
    )
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(loss="binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    path = export_eval_savedmodel(
        model,
        str(tmp_path / "m"),
        transform=output,
        label_key="late",
        default_values={"delay": 0.0},
    )
    loaded = load_model(path)
    extracts = loaded.extract(BATCH)
    layer = output.transform_features_layer()
    made = layer(
        {
            "delay": tf.constant(np.nan_to_num(DATA["delay"])),
            "carrier": tf.constant(DATA["carrier"]),
            "late": tf.constant(DATA["late"]),
        }
    )
    expected = model.predict(
        {"delay_scaled": made["delay_scaled"][:, None], "carrier_id": made["carrier_id"]}, verbose=0
    )
    np.testing.assert_allclose(extracts["predictions"], expected, atol=1e-5)
    np.testing.assert_array_equal(extracts["labels"], DATA["late"])
    assert set(loaded.metrics) == {"loss", "auc"}


def test_tfx_finds_it_where_the_trainer_writes_it(binary, tmp_path):
    path_utils = pytest.importorskip("tfx.utils.path_utils")
    model, _ = binary
    folder = path_utils.eval_model_dir(str(tmp_path))
    export_eval_savedmodel(model, folder, feature_spec=SPEC, label_key="late", metrics=[])
    assert path_utils.eval_model_path(str(tmp_path)) == folder
    assert load_model(str(tmp_path)).metadata is not None
