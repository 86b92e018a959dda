"""Keys of a plan: what is reported under one name is one thing."""

from __future__ import annotations

import pytest

from evaluator_component.config import parse_config, with_defaults
from evaluator_component.errors import ConfigError
from evaluator_component.evaluators.plan import Plan
from evaluator_component.evaluators.planning import make_plan


def plan_of(specs: str, models: str = 'model_specs { label_key: "label" }') -> Plan:
    return make_plan(with_defaults(parse_config(f"{models} {specs}")))


def named(plan: Plan) -> list[str]:
    return sorted(str(entry.key) for entry in plan.entries)


def test_two_computations_of_one_name_are_a_problem_with_both_places():
    with pytest.raises(ConfigError) as raised:
        plan_of("""
        metrics_specs { metrics { class_name: "Precision" } }
        metrics_specs {
          metrics { class_name: "Recall" }
          metrics { class_name: "Precision" config: '"thresholds": 0.9' }
        }""")
    message = str(raised.value)
    assert "metrics_specs[1].metrics[1]" in message
    assert "two metrics are called 'precision': give one of them a name" in message
    assert "metrics_specs[0].metrics[0]" in message


def test_it_is_told_once_for_all_models():
    models = 'model_specs { name: "new" } model_specs { name: "old" is_baseline: true }'
    with pytest.raises(ConfigError, match="1 problem "):
        plan_of(
            """metrics_specs {
              metrics { class_name: "AUC" } metrics { class_name: "AUC" config: '"curve": "PR"' }
            }""",
            models,
        )


def test_a_name_of_its_own_settles_it():
    plan = plan_of("""metrics_specs {
      metrics { class_name: "Precision" }
      metrics { class_name: "Precision" config: '"thresholds": 0.9, "name": "precise"' }
    }""")
    assert {entry.key.name for entry in plan.entries} >= {"precision", "precise"}


def test_the_same_metric_twice_is_one():
    once = 'metrics_specs { metrics { class_name: "AUC" } metrics { class_name: "ExampleCount" } }'
    assert named(plan_of(once)) == named(plan_of(once + once))


def test_the_same_metric_for_other_datasets_is_computed_for_both():
    spec = 'metrics_specs { metrics { class_name: "AUC" } %s }'
    datasets = 'datasets { name: "a" } datasets { name: "b" } datasets { name: "c" }'

    def of_auc(*specs: str) -> tuple[str, ...]:
        plan = plan_of(datasets + " ".join(spec % each for each in specs))
        (entry,) = (entry for entry in plan.entries if entry.key.name == "auc")
        return entry.datasets

    assert of_auc('dataset_names: "b"', 'dataset_names: "a"') == ("a", "b")
    assert of_auc('dataset_names: "b"', "") == ()


def test_metrics_of_stacked_columns_are_planned_once_for_all_outputs():
    models = """model_specs {
      label_keys { key: "boxes" value: "true_boxes" } label_keys { key: "classes" value: "kind" }
    }"""
    plan = plan_of(
        """metrics_specs { metrics { class_name: "COCOAveragePrecision" config:
        '"class_id": 1, "predictions_to_stack": ["boxes", "classes"]' } }""",
        models,
    )
    outputs = [e.key.output_name for e in plan.entries if e.key.name == "average_precision"]
    assert outputs == [""]
    assert plan.searched == ("boxes", "classes")
