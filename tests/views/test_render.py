"""The functions that users of TFMA know, with their arguments."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from evaluator_component import views
from evaluator_component.config import SlicingSpec
from evaluator_component.errors import ResultError
from evaluator_component.views import Run


def names(report: views.Report) -> list[str]:
    return report.payload["datasets"][0]["slices"]["names"]


def test_arguments_are_those_of_tfma() -> None:
    expected = {
        "render_slicing_metrics": [
            "result",
            "slicing_column",
            "slicing_spec",
            "weighted_example_column",
            "event_handlers",
        ],
        "render_plot": [
            "result",
            "slicing_spec",
            "output_name",
            "class_id",
            "top_k",
            "k",
            "label",
        ],
        "render_time_series": ["results", "slicing_spec", "display_full_path"],
        "render_slicing_attributions": [
            "result",
            "slicing_column",
            "slicing_spec",
            "metric_name",
            "weighted_example_column",
            "event_handlers",
        ],
    }
    for name, arguments in expected.items():
        assert list(inspect.signature(getattr(views, name)).parameters) == arguments


def test_a_slicing_column_shows_its_slices_and_the_overall_one(flights: Run) -> None:
    shown = names(views.render_slicing_metrics(flights, slicing_column="origin"))
    assert shown == ["Overall", "origin=EWR", "origin=JFK", "origin=LGA"]


@pytest.mark.parametrize(
    "spec",
    [
        {"feature_keys": ["carrier"], "feature_values": {"origin": "JFK"}},
        SlicingSpec(feature_keys=["carrier"], feature_values={"origin": "JFK"}),
    ],
    ids=["mapping", "message"],
)
def test_a_slicing_spec_shows_the_slices_that_it_makes(flights: Run, spec: object) -> None:
    shown = names(views.render_slicing_metrics(flights, slicing_spec=spec))
    assert shown[0] == "Overall"
    assert len(shown) > 5
    assert all(name.endswith(", origin=JFK") for name in shown[1:])


def test_without_either_every_slice_is_shown(flights: Run) -> None:
    assert names(views.render_slicing_metrics(flights)) == flights.tables[0].names()


def test_a_slicing_column_that_is_not_there_is_said_with_the_nearest(flights: Run) -> None:
    with pytest.raises(ResultError, match=r"column 'orign' .did you mean 'origin'"):
        views.render_slicing_metrics(flights, "orign")


def test_event_handlers_are_refused_with_a_warning(flights: Run) -> None:
    with pytest.warns(UserWarning, match="without a kernel"):
        views.render_slicing_metrics(flights, event_handlers=print)


def test_a_plot_is_of_the_overall_slice_unless_told(flights: Run) -> None:
    assert names(views.render_plot(flights)) == ["Overall"]
    spec = {"feature_values": {"carrier": "MQ"}}
    assert names(views.render_plot(flights, slicing_spec=spec)) == ["carrier=MQ"]
    assert names(views.render_plot(flights, (("carrier", "MQ"),))) == ["carrier=MQ"]


def test_plots_are_picked_by_output_class_and_label(zoo: Run) -> None:
    def kinds(**choice: object) -> set[str]:
        payload = views.render_plot(zoo, **choice).payload
        return {plot["kind"] for dataset in payload["datasets"] for plot in dataset["plots"]}

    with pytest.raises(ResultError, match="no plot for colour"):
        kinds(output_name="colour")
    zoo = Run(zoo.tables[:1], zoo.metadata)
    assert kinds(output_name="price") == {"residuals", "score_distribution"}
    assert kinds(output_name="taste", class_id=1) == {"confusion_matrices"}
    assert kinds(label="ndcg") == {"table"}
    with pytest.raises(ResultError, match=r"no plot for top_k=3 "):
        kinds(top_k=3)


def test_a_spec_of_several_slices_is_no_plot(flights: Run) -> None:
    with pytest.raises(ResultError, match="carrier=any names several slices"):
        views.render_plot(flights, {"feature_keys": ["carrier"]})


def test_attributions_have_a_column_for_each_feature(zoo: Run) -> None:
    report = views.render_slicing_attributions(Run(zoo.tables[:1]), metric_name="mean_shap")
    columns = report.payload["datasets"][0]["columns"]
    assert [c["metric"] for c in columns] == ["distance", "hour", "carrier"]
    assert columns[0]["value"] == [0.4, 0.2, 0, -0.2]
    with pytest.raises(ResultError, match="no attributions 'shap'"):
        views.render_slicing_attributions(zoo, metric_name="shap")


def test_time_series_take_runs_or_tfmas_results(runs: list[Run]) -> None:
    class Results:
        def get_results(self) -> list[Run]:
            return runs[:3]

    assert len(views.render_time_series(Results()).payload["history"]["runs"]) == 3
    one = views.render_time_series(runs, slicing_spec={"feature_keys": ["carrier"]})
    assert "Overall" not in one.payload["history"]["datasets"][0]["slices"]
    with pytest.raises(ResultError, match="no results"):
        views.render_time_series([])


def test_a_report_shows_itself_in_a_notebook(flights: Run) -> None:
    shown = views.report_of(flights)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts' in shown
    assert "allow-same-origin" not in shown
    assert repr(views.report_of(flights)).startswith("<Report 'flights, week 48': verdict,")


def test_importing_the_views_is_light() -> None:
    code = (
        "import sys; import evaluator_component.views.render, evaluator_component.views.report; "
        "print([m for m in ('pandas', 'altair', 'vl_convert', 'jinja2', 'apache_beam', "
        "'tensorflow') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
