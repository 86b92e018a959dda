"""BLEU against sacrebleu's corpus score, ROUGE against rouge_score, exact match by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import sacrebleu
from rouge_score import rouge_scorer

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import nlp, texts
from evaluator_component.metrics.registry import create

HYPOTHESES = [
    "The dog bit the man.",
    "It wasn't surprising.",
    "The man had just bitten him.",
    "a b",
    "",
]
REFERENCES = [
    ["The dog bit the man.", "The dog had bit the man."],
    ["It was not unexpected.", "No one was surprised."],
    ["The man bit him first.", "The man had bitten the dog."],
    ["a b c", "b a"],
    ["nothing at all", "nothing"],
]


def _texts(column: str, values: list) -> object:
    if column == "numpy":
        rows = np.empty(len(values), dtype=object)
        rows[:] = values
        return rows
    if column == "bytes":
        return pa.array([_bytes(value) for value in values])
    return pa.array(values)


def _bytes(value):
    return [v.encode() for v in value] if isinstance(value, list) else value.encode()


@pytest.mark.parametrize("column", ["numpy", "bytes", "text"])
@pytest.mark.parametrize("method", ["exp", "floor", "add-k", "none"])
@pytest.mark.parametrize("effective", [False, True])
@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_bleu_is_sacrebleus_corpus_score(evaluate, column, method, effective, size):
    hypotheses, references = HYPOTHESES[:size], REFERENCES[:size]
    bleu = sacrebleu.BLEU(smooth_method=method, effective_order=effective)
    expected = bleu.corpus_score(hypotheses, list(zip(*references, strict=True))).score
    batch = Batch(_texts(column, references), _texts(column, hypotheses), weight=np.ones(size))
    metric = nlp.Bleu(smooth_method=method, use_effective_order=effective)
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("config", [{"lowercase": True}, {"tokenize": "char"}])
def test_bleu_arguments_reach_the_library(evaluate, config):
    hypotheses = [text.upper() for text in HYPOTHESES[:3]]
    expected = sacrebleu.BLEU(**config).corpus_score(
        hypotheses, list(zip(*REFERENCES[:3], strict=True))
    )
    batch = Batch(_texts("numpy", REFERENCES[:3]), np.array(hypotheses))
    np.testing.assert_allclose(evaluate(nlp.Bleu(**config), batch), [expected.score], rtol=1e-9)


@pytest.mark.parametrize("hypothesis", ["x y z", "", "b a"])
@pytest.mark.parametrize("method", ["exp", "floor", "add-k", "none"])
def test_bleu_of_one_poor_prediction(evaluate, hypothesis, method):
    expected = sacrebleu.BLEU(smooth_method=method).corpus_score([hypothesis], [["a b c d e"]])
    batch = Batch(np.array(["a b c d e"]), np.array([hypothesis]))
    value = evaluate(nlp.Bleu(smooth_method=method), batch)
    np.testing.assert_allclose(value, [expected.score], rtol=1e-9, atol=1e-12)


def test_bleu_of_slices(evaluate):
    batch = Batch(_texts("numpy", REFERENCES), np.array(HYPOTHESES))
    value = evaluate(nlp.Bleu(), batch, Groups.single(np.array([0, 0, 2, 2, 2]), 3))
    first = sacrebleu.BLEU().corpus_score(HYPOTHESES[:2], list(zip(*REFERENCES[:2], strict=True)))
    np.testing.assert_allclose(value[0], first.score)
    assert np.isnan(value[1])


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL", "rougeLsum"])
@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_is_the_mean_of_the_librarys_scores(evaluate, kind, stemmer):
    scorer = rouge_scorer.RougeScorer([kind], use_stemmer=stemmer)
    scores = [scorer.score_multi(r, h)[kind] for r, h in zip(REFERENCES, HYPOTHESES, strict=True)]
    weight = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    batch = Batch(_texts("bytes", REFERENCES), _texts("bytes", HYPOTHESES), weight)
    expected = np.average(np.array(scores), axis=0, weights=weight)
    metric = nlp.Rouge(kind, stemmer)
    assert (metric.key_name, metric.labels()) == (kind, ("precision", "recall", "fmeasure"))
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)
    one = nlp.Rouge(kind, stemmer, score="fmeasure")
    assert (one.key_name, one.kind) == (f"{kind}_fmeasure", "number")
    np.testing.assert_allclose(evaluate(one, batch), [expected[2]], rtol=1e-9)


def test_what_texts_need_is_said(evaluate):
    with pytest.raises(ConfigError, match="rouge_type must be one of"):
        create("Rouge")
    with pytest.raises(ConfigError, match="smooth_method must be one of"):
        create("Bleu", config='"smooth_method": "no"')
    number = Batch(np.array(["a"]), np.array([1.0]))
    with pytest.raises(MetricError, match="predictions must be texts, found 1"):
        evaluate(nlp.Bleu(), number)
    several = Batch(np.array(["a"]), _texts("numpy", [["a", "b"]]))
    with pytest.raises(MetricError, match="one text per example"):
        evaluate(nlp.Bleu(), several)
    with pytest.raises(MetricError, match="not UTF-8"):
        texts.texts(np.array([b"\xff"]), "labels")
    with pytest.raises(MetricError, match="no labels"):
        texts.texts(None, "labels")


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setattr(nlp.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install evaluator_component\[nlp\]"):
        create("Bleu")
    with pytest.raises(ConfigError, match="Rouge needs rouge-score"):
        create("Rouge", config='"rouge_type": "rouge1"')


def test_exact_match_of_texts_and_bytes(evaluate):
    batch = Batch(
        np.array(["a", "b", "c"], dtype=object),
        pa.array([b"a", b"x", b"c"]),
        np.array([1.0, 2.0, 4.0]),
    )
    np.testing.assert_allclose(evaluate(create("ExactMatch"), batch), [5 / 7])


def test_exact_match_of_numbers_needs_every_value(evaluate):
    label = np.array([[1, 2], [3, 4]])
    assert (
        evaluate(create("ExactMatch"), Batch(label, np.array([[1.0, 2.0], [3.0, 5.0]])))[0] == 0.5
    )
    with pytest.raises(MetricError, match="never be equal"):
        evaluate(create("ExactMatch"), Batch(label, np.array([[1.0], [3.0]])))


def test_exact_match_of_rows_of_different_lengths(evaluate):
    batch = Batch(_texts("numpy", [["a"], ["a", "b"]]), _texts("text", [["a"], ["a"]]))
    assert evaluate(create("ExactMatch"), batch)[0] == 0.5


def test_exact_match_as_json(evaluate):
    label = np.array(['{"a": 1, "b": 2}', "[1]"], dtype=object)
    prediction = np.array([b'{"b": 2, "a": 1}', b"[2]"], dtype=object)
    metric = create("ExactMatch", config='"convert_to": "json"')
    assert evaluate(metric, Batch(label, prediction))[0] == 0.5
    assert evaluate(create("ExactMatch"), Batch(label, prediction))[0] == 0.0
    with pytest.raises(MetricError, match="labels are not JSON"):
        evaluate(metric, Batch(np.array(["{"]), np.array(["{}"])))
    with pytest.raises(ConfigError, match="convert_to must be"):
        create("ExactMatch", config='"convert_to": "xml"')
