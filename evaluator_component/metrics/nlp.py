"""Text generation: BLEU and ROUGE, tokenised and matched by the libraries that define them.

Labels are reference texts, one or several per example; predictions are texts. Needs the packages
`sacrebleu` and `rouge-score`: `pip install evaluator_component[nlp]`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    ROWS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.texts import one_text, texts

__all__ = ["Bleu", "BleuCounts", "Rouge", "RougeSum"]

_ORDERS = 4

#: Added to counts of 0 (floor) or to all counts (add-k) unless the config says otherwise.
_SMOOTHING = {"none": 0.0, "exp": 0.0, "floor": 0.1, "add-k": 1.0}

_ROUGE_SCORES = ("precision", "recall", "fmeasure")


def _require(package: str, metric: str) -> None:
    if importlib.util.find_spec(package) is None:
        name = package.replace("_", "-")
        raise ValueError(f"{metric} needs {name}: pip install evaluator_component[nlp]")


@dataclass(frozen=True)
class BleuCounts(Statistic):
    """Weighted sums of BLEU's counts: matched and all n-grams by order, and lengths.

    Attributes:
        lowercase: whether case does not matter.
        force: whether texts that look tokenised are no reason to warn.
        tokenize: sacrebleu's name of the tokeniser.
    """

    lowercase: bool = False
    force: bool = False
    tokenize: str = "13a"

    state: ClassVar[Mapping[str, str]] = {
        "matched": "sum",
        "ngrams": "sum",
        "length": "sum",
        "reference_length": "sum",
        "weight": "sum",
    }
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w times the counts of each example."""
        screen.weights(batch)
        weight = batch.row_weight
        sums = groups.sum(self._counts(batch) * weight[:, None])
        return {
            "matched": sums[..., :_ORDERS],
            "ngrams": sums[..., _ORDERS : 2 * _ORDERS],
            "length": sums[..., -2],
            "reference_length": sums[..., -1],
            "weight": groups.sum(weight),
        }

    def _counts(self, batch: Batch) -> Array:
        bleu = _bleu(self)
        counts = np.zeros((len(batch), 2 * _ORDERS + 2))
        pairs = zip(
            one_text(batch.prediction, "predictions"), texts(batch.label, "labels"), strict=True
        )
        for row, (hypothesis, references) in enumerate(pairs):
            score = bleu.sentence_score(hypothesis, references or [""])
            counts[row] = (*score.counts, *score.totals, score.sys_len, score.ref_len)
        return counts


@lru_cache(maxsize=16)
def _bleu(counts: BleuCounts) -> Any:
    """A sacrebleu object that counts and does not smooth."""
    import sacrebleu

    return sacrebleu.BLEU(
        lowercase=counts.lowercase,
        force=counts.force,
        tokenize=counts.tokenize,
        smooth_method="none",
        effective_order=True,
    )


@register
@dataclass(frozen=True)
class Bleu(Metric):
    """Corpus BLEU, 0 to 100: brevity penalty times the geometric mean of n-gram precisions.

    exp(min(0, 1 - r / h)) * (p1 p2 p3 p4)^(1/4): h and r are the lengths of predictions and of the
    closest references, p_n is the share of n-grams of predictions that some reference holds. All
    are sums over the slice, times example weights. Tokenised and matched by sacrebleu; without
    weights the same number as its corpus score.

    Attributes:
        lowercase: whether case does not matter.
        force: whether texts that look tokenised are no reason to warn.
        tokenize: "13a", "intl", "zh", "char", "none" or another tokeniser of sacrebleu.
        smooth_method: what happens to orders without any match: "exp", "floor", "add-k" or "none".
        smooth_value: for "floor" (0.1 unless given) and "add-k" (1).
        use_effective_order: whether orders that no prediction is long enough for do not count.
    """

    lowercase: bool = False
    force: bool = False
    tokenize: str = "13a"
    smooth_method: str = "exp"
    smooth_value: float | None = None
    use_effective_order: bool = False

    direction = HIGHER_IS_BETTER
    default_name = "BLEU"

    def __post_init__(self) -> None:
        _require("sacrebleu", "Bleu")
        if self.smooth_method not in _SMOOTHING:
            raise ValueError(
                f"smooth_method must be one of {sorted(_SMOOTHING)}, got {self.smooth_method!r}"
            )

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """BLEU's counts."""
        return (BleuCounts(self.lowercase, self.force, self.tokenize),)

    def result(self, counts: State) -> Array:
        """Returns BLEU; NaN without weight, 0 without any match."""
        matched, ngrams = counts["matched"].copy(), counts["ngrams"].copy()
        none = ~(matched > 0).any(axis=-1)
        value = self.smooth_value
        if value is None:
            value = _SMOOTHING[self.smooth_method]
        if self.smooth_method == "add-k":
            matched[..., 1:] += value
            ngrams[..., 1:] += value
        # Orders above the first one without n-grams count as no precision at all.
        present = np.logical_and.accumulate(ngrams > 0, axis=-1)
        missed = present & ~(matched > 0)
        if self.smooth_method == "floor":
            matched = np.where(missed, value, matched)
        elif self.smooth_method == "exp":
            matched = np.where(missed, 0.5 ** np.cumsum(missed, axis=-1), matched)
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.where(present, np.log(matched / ngrams), -np.inf)
            penalty = 1 - divide(counts["reference_length"], counts["length"])
        orders: Any = _ORDERS
        if self.use_effective_order:
            orders = np.maximum(present.sum(axis=-1), 1)
            logarithm = np.where(present, logarithm, 0.0)
        bleu = 100 * np.exp(np.minimum(penalty, 0.0) + logarithm.sum(axis=-1) / orders)
        return np.where(counts["weight"] > 0, np.where(none, 0.0, bleu), np.nan)


@dataclass(frozen=True)
class RougeSum(Statistic):
    """Weighted sums of ROUGE precision, recall and F measure, and of weights.

    Attributes:
        rouge_type: "rouge1" to "rouge9", "rougeL" or "rougeLsum".
        use_stemmer: whether words match by their stems.
        split_summaries: whether rougeLsum finds sentences itself, not at line ends.
        tokenizer: an object with `tokenize(text)`; None for the library's.
    """

    rouge_type: str = "rouge1"
    use_stemmer: bool = False
    split_summaries: bool = False
    tokenizer: Any = None

    state: ClassVar[Mapping[str, str]] = {"scores": "sum", "weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w times the scores of each example, against its best-matching reference."""
        screen.weights(batch)
        weight = batch.row_weight
        scores = self._scores(batch)
        return {"scores": groups.sum(scores * weight[:, None]), "weight": groups.sum(weight)}

    def _scores(self, batch: Batch) -> Array:
        scorer = _scorer(self)
        scores = np.zeros((len(batch), 3))
        pairs = zip(
            one_text(batch.prediction, "predictions"), texts(batch.label, "labels"), strict=True
        )
        for row, (prediction, references) in enumerate(pairs):
            try:
                found = scorer.score_multi(references or [""], prediction)[self.rouge_type]
            except LookupError as error:
                raise MetricError(
                    "split_summaries needs NLTK's sentence model: "
                    "run `python -m nltk.downloader punkt punkt_tab` on every worker"
                ) from error
            scores[row] = (found.precision, found.recall, found.fmeasure)
        return scores


@lru_cache(maxsize=16)
def _scorer(rouge: RougeSum) -> Any:
    from rouge_score import rouge_scorer

    return rouge_scorer.RougeScorer(
        [rouge.rouge_type],
        use_stemmer=rouge.use_stemmer,
        split_summaries=rouge.split_summaries,
        tokenizer=rouge.tokenizer,
    )


@register
@dataclass(frozen=True)
class Rouge(Metric):
    """ROUGE precision, recall and F measure: sum(w * score) / sum(w) over examples.

    Each example is scored against the reference that matches best.

    Attributes:
        rouge_type: "rouge1" to "rouge9" (n-grams), "rougeL" (longest common subsequence) or
            "rougeLsum" (the same, sentence by sentence). Also the metric's name.
        use_stemmer: whether words match by their stems.
        split_summaries: whether rougeLsum finds sentences itself, not at line ends.
        tokenizer: an object with `tokenize(text)`; only from Python.
        score: "precision", "recall" or "fmeasure", for one number that can carry a threshold;
            all three unless given.
    """

    rouge_type: str = ""
    use_stemmer: bool = False
    split_summaries: bool = False
    tokenizer: Any = None
    score: str | None = None

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        _require("rouge_score", "Rouge")
        allowed = [*(f"rouge{n}" for n in range(1, 10)), "rougeL", "rougeLsum"]
        if self.rouge_type not in allowed:
            raise ValueError(f"rouge_type must be one of {allowed}, got {self.rouge_type!r}")
        if self.score not in (None, *_ROUGE_SCORES):
            raise ValueError(f"score must be one of {list(_ROUGE_SCORES)}, got {self.score!r}")

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A vector of three scores, or one number."""
        return "vector" if self.score is None else "number"

    @property
    def key_name(self) -> str:
        """The name in metric keys, such as "rougeL" or "rougeL_fmeasure"."""
        return self.name or "_".join(filter(None, (self.rouge_type, self.score)))

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The sums of scores."""
        arguments = (self.rouge_type, self.use_stemmer, self.split_summaries, self.tokenizer)
        return (RougeSum(*arguments),)

    def labels(self) -> tuple[str, ...]:
        """Returns the names of the scores."""
        return _ROUGE_SCORES if self.score is None else ()

    def result(self, sums: State) -> Array:
        """Returns the means; NaN without weight."""
        means = divide(sums["scores"], sums["weight"][..., None])
        return means if self.score is None else means[..., _ROUGE_SCORES.index(self.score)]
