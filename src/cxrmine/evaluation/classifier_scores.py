"""All the scores of a classifier: by finding, and their mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxrmine.dataset.model import NO_FINDING
from cxrmine.evaluation.auc import (
    Influence,
    auc,
    auc_interval,
    influence,
    mean_interval,
)
from cxrmine.evaluation.average_precision import average_precision
from cxrmine.evaluation.calibration import Calibration, are_probabilities, calibration
from cxrmine.evaluation.findings import key
from cxrmine.evaluation.intervals import Estimate
from cxrmine.evaluation.operating_point import OperatingPoint, youden
from cxrmine.evaluation.patient_bootstrap import Draws, percentile_interval, resample

IntervalChoice = Literal["auto", "delong", "bootstrap"]
DEFAULT_DRAWS = 2000


@dataclass(frozen=True)
class FindingScore:
    """A finding's scores; None (or an Estimate without a value) where undefined.

    Attributes
    ----------
    finding
        Its name.
    n, positives
        Images whose gold is 1 or 0, and those with 1.
    auc
        With the interval that `Classification.interval` names.
    average_precision
        With the interval of the patient bootstrap.
    youden
        Youden's point.
    calibration
        None where a score lies outside [0, 1].
    """

    finding: str
    n: int
    positives: int
    auc: Estimate
    average_precision: Estimate
    youden: OperatingPoint | None
    calibration: Calibration | None


@dataclass(frozen=True)
class Classification:
    """A classifier's scores.

    Attributes
    ----------
    findings
        In the order given.
    images, patients
        How many; `patients` is None where nothing tells them apart.
    mean_auc, mean_average_precision
        The unweighted means over `in_mean`.
    in_mean
        The findings that the means are over: those with an AUC, without No Finding.
    interval
        What the intervals of the AUCs are, in words.
    warnings
        Pairs (finding, what is odd).
    """

    findings: tuple[FindingScore, ...]
    images: int
    patients: int | None
    mean_auc: Estimate
    mean_average_precision: Estimate
    in_mean: tuple[str, ...]
    interval: str
    warnings: tuple[tuple[str, str], ...]

    def of(self, finding: str) -> FindingScore:
        """Return a finding's scores.

        Raises
        ------
        KeyError
            If it was not scored.
        """
        for score in self.findings:
            if score.finding == finding:
                return score
        raise KeyError(finding)


def evaluate(
    names: Sequence[str],
    scores: ArrayLike,
    truth: ArrayLike,
    known: ArrayLike | None = None,
    patients: ArrayLike | None = None,
    *,
    interval: IntervalChoice = "auto",
    draws: int = DEFAULT_DRAWS,
    seed: int = 0,
    on_draws: Callable[[int], None] | None = None,
) -> Classification:
    """Score a classifier.

    Parameters
    ----------
    names
        The findings.
    scores
        Shape ``(n, findings)``, finite; higher for a more likely finding. Need not be in [0, 1].
    truth
        Shape ``(n, findings)``, 1 (True) or 0; what is not known may hold anything.
    known
        Shape ``(n, findings)``, False where the truth is not known; by default all are.
    patients
        Shape ``(n,)``: whose image it is; None if nothing tells.
    interval
        Of the AUCs. ``delong``: DeLong's, by patient where some have several images.
        ``bootstrap``: patients drawn with replacement. ``auto``: the bootstrap where some
        patient has several images, else DeLong's.
    draws
        Draws of the bootstrap; 0 for none: then average precision has no interval, and
        ``auto`` means DeLong's.
    seed
        Seed of the bootstrap.
    on_draws
        Called now and then with how many draws were scored since the last call.

    Raises
    ------
    ValueError
        If the shapes do not agree, a score is not finite, or an option is unknown.
    """
    s = np.asarray(scores, dtype=np.float64)
    shape = (len(s), len(names))
    cells = np.asarray(truth)
    if s.ndim != 2 or s.shape != shape or cells.shape != shape:
        raise ValueError(f"scores {s.shape} and truth {cells.shape} must both be {shape}")
    known_cells = np.ones(shape, np.bool_) if known is None else np.asarray(known, dtype=np.bool_)
    if known_cells.shape != shape:
        raise ValueError(f"known {known_cells.shape} must be {shape}")
    if not np.isfinite(s[known_cells]).all():
        raise ValueError("a score is not finite")
    if interval not in get_args(IntervalChoice) or draws < 0:
        raise ValueError(f"interval {interval!r} or draws {draws} is unknown")
    if interval == "bootstrap" and not draws:
        raise ValueError("a bootstrap needs draws")
    # What is unknown may be NaN in `truth`: a comparison makes it False.
    y: NDArray[np.bool_] = (cells == 1) & known_cells

    clusters, n_patients = _clusters(patients, len(s))
    use_bootstrap = draws > 0 and (
        interval == "bootstrap" or (interval == "auto" and clusters is not None)
    )
    drawn = None
    if draws:
        drawn = resample(s, y, known_cells, clusters, draws=draws, seed=seed, on_draws=on_draws)
    results: list[FindingScore] = []
    warnings: list[tuple[str, str]] = []
    parts: dict[str, Influence] = {}
    for k, name in enumerate(names):
        rows = known_cells[:, k]
        place = None if clusters is None else clusters[rows]
        x, t = s[rows, k], y[rows, k]
        found = influence(x, t, place)
        if found is not None:
            parts[name] = Influence(found.auc, _spread(found.parts, rows))
        result = _score(name, x, t, place, drawn, k, use_bootstrap)
        results.append(result)
        warnings += [(name, said) for said in _warnings(result, x)]
    in_mean = tuple(
        r.finding for r in results if r.auc.value is not None and key(r.finding) != key(NO_FINDING)
    )
    columns = [k for k, name in enumerate(names) if name in in_mean]
    mean_auc, mean_ap = _means(
        [results[k] for k in columns], parts, clusters, drawn, columns, use_bootstrap
    )
    return Classification(
        tuple(results),
        len(s),
        n_patients,
        mean_auc,
        mean_ap,
        in_mean,
        _interval_name(use_bootstrap, clusters is not None, n_patients, draws),
        tuple(warnings),
    )


def _clusters(patients: ArrayLike | None, n: int) -> tuple[NDArray[np.int64] | None, int | None]:
    """Return the patients' numbers, None where each has one image; and how many there are."""
    if patients is None:
        return None, None
    whose = np.asarray(patients)
    if whose.shape != (n,):
        raise ValueError(f"patients {whose.shape} must be ({n},)")
    numbers = np.unique(whose, return_inverse=True)[1].reshape(-1).astype(np.int64)
    count = int(numbers.max()) + 1 if n else 0
    return (None if count == n else numbers), count


def _spread(parts: NDArray[np.float64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    whole = np.zeros(len(rows))
    whole[rows] = parts
    return whole


def _score(
    name: str,
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    clusters: NDArray[np.int64] | None,
    drawn: Draws | None,
    column: int,
    use_bootstrap: bool,
) -> FindingScore:
    if use_bootstrap and drawn is not None:
        area = percentile_interval(auc(scores, truth), drawn.auc[:, column])
    else:
        area = auc_interval(scores, truth, clusters=clusters)
    # Without an image of either kind, average precision says nothing about the scores.
    precision = Estimate(average_precision(scores, truth) if area.value is not None else None)
    if drawn is not None:
        precision = percentile_interval(precision.value, drawn.average_precision[:, column])
    return FindingScore(
        name,
        len(truth),
        int(truth.sum()),
        area,
        precision,
        youden(scores, truth, clusters),
        calibration(scores, truth, clusters),
    )


def _means(
    results: Sequence[FindingScore],
    parts: dict[str, Influence],
    clusters: NDArray[np.int64] | None,
    drawn: Draws | None,
    columns: Sequence[int],
    use_bootstrap: bool,
) -> tuple[Estimate, Estimate]:
    if not results:
        return Estimate(None), Estimate(None)
    area = float(np.mean([r.auc.value for r in results if r.auc.value is not None]))
    precision = float(
        np.mean(
            [r.average_precision.value for r in results if r.average_precision.value is not None]
        )
    )
    mean_ap = Estimate(precision)
    if drawn is not None:
        # A draw without one kind of image for some finding has no mean of the same findings.
        mean_ap = percentile_interval(precision, drawn.average_precision[:, columns].mean(axis=1))
        if use_bootstrap:
            return percentile_interval(area, drawn.auc[:, columns].mean(axis=1)), mean_ap
    if any(r.finding not in parts for r in results):
        return Estimate(area), mean_ap
    return mean_interval([parts[r.finding] for r in results], clusters=clusters), mean_ap


def _warnings(result: FindingScore, scores: NDArray[np.float64]) -> list[str]:
    said = []
    if not result.n:
        said.append("the gold is blank or -1 for every image: nothing is scored.")
    elif result.auc.value is None:
        which = "no image has" if result.positives == 0 else "every image has"
        said.append(f"{which} it in the gold: AUC and what follows from it are blank.")
    elif result.auc.low is None:
        said.append("one kind of image comes from a single patient: the AUC has no interval.")
    elif result.auc.low == result.auc.high:
        why = "are all alike" if result.auc.value == 0.5 else "separate the two kinds of image"
        said.append(
            f"the AUC's interval has no width because the scores {why}; with "
            f"{result.positives:,} positives of {result.n:,} that is not to say that it is certain."
        )
    if result.n and not are_probabilities(scores):
        outside = int(((scores < 0) | (scores > 1)).sum())
        said.append(
            f"{outside:,} of {result.n:,} scores lie outside [0, 1]: they are no probabilities, "
            "so calibration is blank."
        )
    return said


def _interval_name(use_bootstrap: bool, several: bool, patients: int | None, draws: int) -> str:
    if use_bootstrap:
        what = "patients" if patients is not None else "images"
        return f"bootstrap of {what}, {draws:,} draws"
    return "DeLong, images of a patient together (Obuchowski 1997)" if several else "DeLong"
