"""What is evaluated: settings a to e, as eval configs that we and the peer both take.

Synopsis::

    setting = SETTINGS["b"]
    evaluate(setting.eval_config(), ...)                   # ours
    text_format.Parse(setting.eval_config(peer=True), ...)  # the peer's
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.data import LABEL

__all__ = ["METRICS", "PLOTS", "SETTINGS", "Setting"]

METRICS = (
    "ExampleCount",
    "AUC",
    "AUCPrecisionRecall",
    "Precision",
    "Recall",
    "BinaryAccuracy",
    "BinaryCrossEntropy",
    "MeanLabel",
    "MeanPrediction",
    "Calibration",
)
PLOTS = ("CalibrationPlot", "ConfusionMatrixPlot")

_FEW_SLICES = ((), ("carrier",), ("origin",), ("hour",), ("carrier", "origin"))
_MANY_SLICES = ((), ("dest", "hour", "carrier"))
_THRESHOLDS = {
    "AUC": "value_threshold { lower_bound { value: 0.5 } } "
    "change_threshold { direction: HIGHER_IS_BETTER absolute { value: -0.001 } }",
    "BinaryCrossEntropy": "change_threshold { direction: LOWER_IS_BETTER "
    "absolute { value: 0.001 } }",
}


@dataclass(frozen=True)
class Setting:
    """One thing to evaluate.

    Attributes:
        name: as in the tables.
        title: what it is, in a few words.
        slices: feature keys of every slicing spec.
        metrics: class names.
        plots: class names.
        interval: "JACKKNIFE", "POISSON_BOOTSTRAP" or "" for no intervals.
        replicates: how many resamples.
        baseline: whether there is a second model, and thresholds for the change.
        page: whether we make the report page, too, which the others have no like of.
    """

    name: str
    title: str
    slices: tuple[tuple[str, ...], ...]
    metrics: tuple[str, ...] = METRICS
    plots: tuple[str, ...] = ()
    interval: str = ""
    replicates: int = 20
    baseline: bool = False
    page: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """The features that slices are made of."""
        return tuple(sorted({name for spec in self.slices for name in spec}))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, for `model.saved_model`."""
        return ("candidate", "baseline") if self.baseline else ("candidate",)

    def eval_config(self, peer: bool = False) -> str:
        """Returns the EvalConfig as text.

        Args:
            peer: leave out the number of replicates, which the peer cannot be told (it takes 20).
        """
        lines = [f'model_specs {{ label_key: "{LABEL}" }}']
        if self.baseline:
            lines = [
                f'model_specs {{ name: "candidate" label_key: "{LABEL}" }}',
                f'model_specs {{ name: "baseline" label_key: "{LABEL}" is_baseline: true }}',
            ]
        lines.append("metrics_specs {")
        for name in (*self.metrics, *self.plots):
            threshold = _THRESHOLDS.get(name) if self.baseline else None
            bounds = f" threshold {{ {threshold} }}" if threshold else ""
            lines.append(f'  metrics {{ class_name: "{name}"{bounds} }}')
        lines.append("}")
        for spec in self.slices:
            keys = " ".join(f'feature_keys: "{name}"' for name in spec)
            lines.append(f"slicing_specs {{ {keys} }}")
        if self.interval:
            count = "" if peer else f" num_replicates {{ value: {self.replicates} }}"
            lines.append(
                "options { compute_confidence_intervals { value: true } "
                f"confidence_intervals {{ method: {self.interval}{count} }} }}"
            )
        return "\n".join(lines)


_B = Setting("b", "72 slices, two plots", _FEW_SLICES, plots=PLOTS)

SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("a", "10 metrics, overall", ((),)),
        _B,
        replace(_B, name="c_jk", title="b + jackknife", interval="JACKKNIFE"),
        replace(_B, name="c_pb", title="b + bootstrap, 20", interval="POISSON_BOOTSTRAP"),
        replace(
            _B,
            name="c_pb200",
            title="b + bootstrap, 200",
            interval="POISSON_BOOTSTRAP",
            replicates=200,
        ),
        replace(_B, name="d", title="b + baseline, change thresholds", baseline=True),
        Setting("e", "dest x hour x carrier", _MANY_SLICES),
        replace(_B, name="page", title="b + the report page", page=True),
        # Growth with the number of metrics and of slices.
        Setting("one", "1 metric, overall", ((),), metrics=("ExampleCount",)),
        Setting("slices", "10 metrics, 72 slices", _FEW_SLICES),
    )
}
