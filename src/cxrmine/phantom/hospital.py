"""Who comes to the synthetic hospital, with what, and which films are taken.

Every patient is drawn from a generator of his own (seed, patient), so that patient 17 is the same
however many patients there are, whichever process draws him, and at every size of the films.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cxrmine.errors import UserError
from cxrmine.phantom.anatomy import Build, draw_build
from cxrmine.phantom.lesions import DIFFICULTIES, FINDINGS, Lesion, plan_lesions
from cxrmine.phantom.radiograph import Film, TrueBox, draw_film, grey, take_film

#: In how many of a hundred studies each finding is there, unless the user says otherwise: more
#: often than in ChestX-ray8, so that a thousand images teach something.
PREVALENCES: Mapping[str, float] = {
    "Atelectasis": 0.16,
    "Cardiomegaly": 0.15,
    "Effusion": 0.17,
    "Infiltration": 0.17,
    "Mass": 0.13,
    "Nodule": 0.15,
    "Pneumonia": 0.14,
    "Pneumothorax": 0.13,
}

# A finding's liability to three causes that a study can have, to age and to being a man: what
# shares a cause comes together (Wang et al. 2017, Fig. 2, shows that they do). The rest of the
# unit variance is its own, so that a threshold gives its prevalence.
_CAUSES = ("fluid", "infection", "tumour")
_LOADS: Mapping[str, tuple[float, float, float, float, float]] = {
    "Atelectasis": (0.45, 0.20, 0.10, 0.15, 0.05),
    "Cardiomegaly": (0.60, 0.00, 0.00, 0.30, 0.00),
    "Effusion": (0.60, 0.25, 0.25, 0.10, 0.00),
    "Infiltration": (0.20, 0.60, 0.00, 0.00, 0.00),
    "Mass": (0.00, 0.00, 0.60, 0.20, 0.10),
    "Nodule": (0.00, 0.00, 0.55, 0.15, 0.00),
    "Pneumonia": (0.10, 0.65, 0.00, 0.05, 0.00),
    "Pneumothorax": (0.00, 0.00, 0.20, -0.15, 0.15),
}
#: How much of a cause's variance is the patient's: studies of one patient resemble each other.
_LASTING = 0.5
#: Shares of studies that have a second frontal film, and a lateral one.
_SECOND, _LATERAL = 0.04, 0.10
_AGES = (18, 94)
_AGE_MEAN, _AGE_SD = 56.0, 17.0


@dataclass(frozen=True, slots=True)
class HospitalSettings:
    """What decides a hospital.

    Parameters
    ----------
    seed : int
        0 or more.
    difficulty : str
        A key of `lesions.DIFFICULTIES`.
    prevalences : mapping
        By finding, each from 0 to 0.9; those left out are as in `PREVALENCES`.

    Raises
    ------
    UserError
        If a value is none of these.
    """

    seed: int = 0
    difficulty: str = "standard"
    prevalences: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"--seed {self.seed}: write a whole number of 0 or more.")
        if self.difficulty not in DIFFICULTIES:
            raise UserError(
                f"--difficulty {self.difficulty!r} does not exist; use {', '.join(DIFFICULTIES)}."
            )
        for finding, share in self.prevalences.items():
            if finding not in PREVALENCES:
                raise UserError(
                    f"--prevalence {finding!r} is no finding of the phantom; it has "
                    f"{', '.join(PREVALENCES)}."
                )
            if not 0 <= share <= 0.9:
                raise UserError(f"--prevalence {finding}={share:g}: write a share from 0 to 0.9.")

    @property
    def contrast(self) -> float:
        """What lesions' brightness is multiplied by."""
        return DIFFICULTIES[self.difficulty]

    def prevalence(self, finding: str) -> float:
        """Return the share of studies that have the finding."""
        return self.prevalences.get(finding, PREVALENCES[finding])


@dataclass(frozen=True, slots=True)
class Study:
    """One visit.

    Parameters
    ----------
    number : int
        Of the patient's studies, from 0, in the order of time.
    day : date
    age : int
        In whole years on that day.
    view : str
        ``PA`` or ``AP``.
    lesions : tuple of Lesion
    films : tuple of Film
        Frontal ones: one, seldom two (another pose and exposure, the same lesions).
    lateral : Film or None
    seed : int
        Of the report and of how the files are stored.
    """

    number: int
    day: date
    age: int
    view: str
    lesions: tuple[Lesion, ...]
    films: tuple[Film, ...]
    lateral: Film | None
    seed: int

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings, each once, in the order of `FINDINGS`."""
        there = {lesion.finding for lesion in self.lesions}
        return tuple(finding for finding in FINDINGS if finding in there)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient and all his studies; ``number`` counts from 1."""

    number: int
    sex: str
    birth: date
    build: Build
    studies: tuple[Study, ...]


def draw_patient(settings: HospitalSettings, number: int) -> Patient:
    """Draw a patient; the same for the same settings and number.

    Parameters
    ----------
    settings : HospitalSettings
    number : int
        From 1.
    """
    random = np.random.default_rng((settings.seed, number))
    sex = "F" if random.random() < 0.46 else "M"
    age = int(np.clip(random.normal(_AGE_MEAN, _AGE_SD), *_AGES))
    first = date(2012, 1, 1) + timedelta(days=int(random.integers(0, 2000)))
    birth = first - timedelta(days=age * 365 + age // 4 + int(random.integers(1, 360)))
    build = draw_build(random, age, sex)
    lasting = random.standard_normal(len(_CAUSES))
    day, studies = first, []
    for k in range(1 + min(int(random.geometric(0.62)) - 1, 4)):
        if k:
            day += timedelta(days=int(random.integers(1, 500)))
        studies.append(_study(settings, random, k, day, birth, sex, build, lasting))
    return Patient(number, sex, birth, build, tuple(studies))


def _study(
    settings: HospitalSettings,
    random: np.random.Generator,
    number: int,
    day: date,
    birth: date,
    sex: str,
    build: Build,
    lasting: NDArray[np.float64],
) -> Study:
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    passing = random.standard_normal(len(_CAUSES))
    causes = math.sqrt(_LASTING) * lasting + math.sqrt(1 - _LASTING) * passing
    findings = _findings(settings, random, causes, years, sex)
    lesions = plan_lesions(random, findings)
    # The sick are taken in bed.
    ill = 0.22 + 0.07 * len(findings) + 0.10 * (years > 70)
    view = "AP" if random.random() < min(ill, 0.75) else "PA"
    films = [draw_film(random, view)]
    if random.random() < _SECOND:
        films.append(draw_film(random, view))
    lateral = draw_film(random, "PA") if view == "PA" and random.random() < _LATERAL else None
    return Study(
        number,
        day,
        years,
        view,
        lesions,
        tuple(films),
        lateral,
        int(random.integers(2**31)),
    )


def _findings(
    settings: HospitalSettings,
    random: np.random.Generator,
    causes: NDArray[np.float64],
    years: int,
    sex: str,
) -> list[str]:
    normal = NormalDist()
    traits = np.array([(years - _AGE_MEAN) / _AGE_SD, 0.92 if sex == "M" else -1.08])
    own = random.standard_normal(len(FINDINGS))
    found = []
    for finding, drawn in zip(FINDINGS, own.tolist(), strict=True):
        loads = np.array(_LOADS[finding])
        rest = math.sqrt(1 - float(loads @ loads))
        liability = float(loads[:3] @ causes + loads[3:] @ traits) + rest * drawn
        share = settings.prevalence(finding)
        if share > 0 and liability > normal.inv_cdf(1 - share):
            found.append(finding)
    return found


class PhantomImage(NamedTuple):
    """A frontal film ready to learn from.

    ``image`` is uint8 of shape (size, size); ``labels`` are 0 and 1 in the order of `FINDINGS`;
    ``boxes`` are in pixels of the image; ``patient`` counts from 1, ``study`` and ``film`` from 0.
    """

    image: NDArray[np.uint8]
    labels: tuple[int, ...]
    boxes: tuple[TrueBox, ...]
    patient: int
    age: int
    sex: str
    view: str
    study: int
    film: int


def patient_images(patient: Patient, settings: HospitalSettings, size: int) -> list[PhantomImage]:
    """Take all frontal films of a patient as images of ``size`` by ``size`` pixels."""
    images = []
    for study in patient.studies:
        labels = tuple(int(finding in study.findings) for finding in FINDINGS)
        for k, film in enumerate(study.films):
            picture, boxes = take_film(
                patient.build,
                film,
                study.lesions,
                rows=size,
                columns=size,
                contrast=settings.contrast,
            )
            images.append(
                PhantomImage(
                    grey(picture),
                    labels,
                    boxes,
                    patient.number,
                    study.age,
                    patient.sex,
                    study.view,
                    study.number,
                    k,
                )
            )
    return images


def phantom_images(
    patients: int, seed: int = 0, size: int = 224, *, settings: HospitalSettings | None = None
) -> Iterator[PhantomImage]:
    """Yield the frontal films of a hospital, without any file, patient after patient.

    Parameters
    ----------
    patients : int
        How many; each has 1 to 5 studies, 1.6 on average.
    seed : int
        See `HospitalSettings`; not used where `settings` are given.
    size : int
        Rows and columns, at least 32.
    settings : HospitalSettings, optional
    """
    chosen = settings or HospitalSettings(seed)
    for number in range(1, patients + 1):
        yield from patient_images(draw_patient(chosen, number), chosen, size)
