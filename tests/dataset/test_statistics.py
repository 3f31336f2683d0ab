from __future__ import annotations

import csv
import gzip
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_set import FINDINGS, made_rows

from cxrmine.dataset.model import NO_FINDING, Box, ImageRow
from cxrmine.dataset.published_counts import (
    published_demographics,
    published_findings,
    published_prevalence,
)
from cxrmine.dataset.statistics import CHESTXRAY14, finding_names, ordered_parts, statistics


def row(index: int, findings: str, patient: int | None = None, **others: object) -> ImageRow:
    return ImageRow(
        f"{index:08d}_000.png", findings, 0, index if patient is None else patient, **others
    )  # type: ignore[arg-type]


def test_number_and_overlap() -> None:
    rows = [row(1, "Mass|Effusion"), row(2, "Mass"), row(3, "Mass", 2), row(4, NO_FINDING)]
    numbers = statistics(rows)
    assert [f.name for f in numbers.findings] == ["Effusion", "Mass"]
    effusion, mass = numbers.findings
    assert (mass.true, mass.false, mass.overlap, mass.alone, mass.patients) == (3, 1, 1, 2, 2)
    assert (effusion.true, effusion.overlap, effusion.alone) == (1, 1, 0)
    assert numbers.together.tolist() == [[1, 1], [1, 3]]
    assert numbers.per_image == (1, 2, 1)
    assert (numbers.images, numbers.patients, numbers.normal) == (4, 3, 1)


def test_blank_is_unknown_and_never_false() -> None:
    numbers = statistics([row(1, "Mass"), row(2, ""), row(3, NO_FINDING)])
    (mass,) = numbers.findings
    assert (mass.true, mass.false, mass.unknown) == (1, 1, 1)
    assert mass.prevalence.value == 0.5
    assert (numbers.labelled, numbers.normal, numbers.per_image) == (2, 1, (1, 1))


def test_label_table_decides_where_there_is_one() -> None:
    columns = ("No Finding", "Mass", "Edema")
    rows = [
        row(1, "Mass", labels={"No Finding": "0", "Mass": "1", "Edema": "-1"}),
        row(2, "", labels={"No Finding": "", "Mass": "0", "Edema": ""}),
        row(3, NO_FINDING, labels={"No Finding": "1", "Mass": "0", "Edema": "0"}),
        row(4, ""),  # no report: nothing is known
        row(5, "", labels={"No Finding": "", "Mass": "", "Edema": ""}),
        row(6, "", labels={"No Finding": "1.0", "Mass": "1.0", "Edema": "-1.0"}),
    ]
    numbers = statistics(rows, label_columns=columns)
    mass, edema = numbers.findings
    assert [f.name for f in numbers.findings] == ["Mass", "Edema"]
    assert (mass.true, mass.false, mass.uncertain, mass.unknown) == (2, 2, 0, 2)
    assert (edema.true, edema.false, edema.uncertain, edema.unknown) == (0, 1, 2, 3)
    assert mass.overlap == 0
    assert numbers.labelled == 4


@pytest.mark.parametrize(
    ("labels", "columns", "expected"),
    [
        ((), (), ()),
        (("Zeta|Mass", "Atelectasis"), (), ("Atelectasis", "Mass", "Zeta")),
        (("Zeta", ""), ("Edema", "normal", "Mass"), ("Edema", "Mass", "Zeta")),
        ((NO_FINDING,), ("No Finding",), ()),
    ],
)
def test_finding_names(labels: tuple[str, ...], columns: tuple[str, ...], expected: object) -> None:
    rows = [row(i, text) for i, text in enumerate(labels, 1)]
    assert finding_names(rows, columns) == expected


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_equal_to_counting_one_by_one(seed: int, patients: int) -> None:
    rows = made_rows(patients, seed)
    numbers = statistics(rows, label_columns=FINDINGS)
    for finding in numbers.findings:
        having = [r for r in rows if finding.name in r.findings]
        assert finding.true == len(having)
        assert finding.overlap == sum(len(r.findings) > 1 for r in having)
        assert finding.patients == len({r.patient for r in having})
        assert finding.unknown == sum(r.finding_labels == "" for r in rows)
        assert finding.true + finding.false + finding.uncertain + finding.unknown == len(rows)
    pairs = Counter(pair for r in rows for pair in combinations(r.findings, 2))
    for i, j in combinations(range(len(FINDINGS)), 2):
        both = pairs[FINDINGS[i], FINDINGS[j]]
        assert numbers.together[i, j] == numbers.together[j, i] == both
    known = [r.age for r in rows if r.age is not None]
    if known:
        assert numbers.ages is not None
        assert numbers.ages.mean == pytest.approx(np.mean(known))
        assert sum(map(sum, numbers.age_bins.values())) == len(known)
    else:
        assert numbers.ages is None
        assert numbers.age_bins == {}
    assert sum(numbers.sexes.values()) == sum(numbers.views.values()) == len(rows)
    assert sum(numbers.patient_sexes.values()) == numbers.patients


def test_people() -> None:
    rows = [
        ImageRow("00000001_001.png", "", 1, 1, age=91 - 1, sex="M", view="PA"),
        ImageRow("00000001_000.png", "", 0, 1, age=89, sex="", view="AP"),
        ImageRow("00000002_000.png", "", 0, 2, age=0, sex="F"),
        ImageRow("00000002_001.png", "", 0, 2, age=None, sex="M"),
        ImageRow("00000003_000.png", "", 0, 3),
    ]
    numbers = statistics(rows)
    assert numbers.patient_sexes == {"M": 1, "M and F": 1, "": 1}
    assert numbers.sexes == {"M": 2, "F": 1, "": 2}
    assert numbers.studies == 4
    assert numbers.images_per_patient == (1, 2.0, 2)
    assert numbers.ages is not None
    assert numbers.patient_ages is not None
    assert (numbers.ages.known, numbers.ages.oldest) == (3, 90)
    # Patient 1 counts with the age at the first study.
    assert sorted([numbers.patient_ages.youngest, numbers.patient_ages.oldest]) == [0, 89]
    assert numbers.age_bins["M"][45] == 1
    assert numbers.age_bins["F"][0] == 1


def test_sizes_spacings_and_boxes() -> None:
    rows = [
        row(1, "Mass", width=10, height=20, spacing_x="0.14300000000000002"),
        row(2, "Mass", width=10, height=20, spacing_x="0.143"),
        row(3, "Mass", width=30, height=20, spacing_x="nan"),
        row(4, "Mass", spacing_x="0.2"),
        row(5, "Mass", spacing_x="no number"),
    ]
    boxes = [Box(rows[0].image_index, "Mass", 0, 0, 5, 5)] * 2
    boxes.append(Box(rows[1].image_index, "Mass", 0, 0, 5, 5))
    numbers = statistics(rows, boxes=boxes)
    assert numbers.sizes == (((10, 20), 2), ((30, 20), 1))
    assert numbers.spacings == ((0.143, 2), (0.2, 1))
    assert (numbers.boxes, numbers.boxed) == (3, 2)
    assert (numbers.findings[0].boxes, numbers.findings[0].boxed) == (3, 2)


def test_splits() -> None:
    rows = [row(1, "Mass"), row(2, "Mass", 1), row(3, NO_FINDING), row(4, "Mass"), row(5, "")]
    numbers = statistics(rows, splits={"split": {1: "train", 3: "test", 4: "val", 99: "test"}})
    (split,) = numbers.splits
    assert split.parts == ("train", "val", "test")
    assert split.images == (2, 1, 1)
    assert split.patients == (1, 1, 1)
    assert split.true == {"Mass": (2, 1, 0)}
    assert split.without == 1
    assert ordered_parts(["b", "test", "a", "train_val", "val"]) == (
        "train_val", "val", "test", "a", "b",
    )  # fmt: skip


def test_nothing_at_all() -> None:
    numbers = statistics([], splits={"split": {}})
    assert (numbers.images, numbers.patients, numbers.findings, numbers.ages) == (0, 0, (), None)
    assert numbers.splits[0].parts == ()


# ------------------------------------------------------------------ against the papers


@pytest.fixture(scope="module")
def nih(data_dir: Path) -> list[ImageRow]:
    path = data_dir / "nih" / "Data_Entry_2017_v2020.csv.gz"
    if not path.exists():
        pytest.skip("no ChestX-ray14 table in CXRMINE_DATA")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        reader = csv.reader(handle)
        next(reader)
        return [
            ImageRow(c[0], c[1], int(c[2]), int(c[3]), int(c[4]), c[5], c[6], int(c[7]), int(c[8]))
            for c in reader
        ]


def test_baltruschats_table_2_comes_out_exactly(nih: list[ImageRow]) -> None:
    numbers = statistics(nih)
    published = published_prevalence()
    assert {f.name for f in numbers.findings} == set(published) == set(CHESTXRAY14)
    assert tuple(f.name for f in numbers.findings) == CHESTXRAY14
    for finding in numbers.findings:
        paper = published[finding.name]
        assert (finding.true, finding.false) == (paper.true, paper.false), finding.name
        assert finding.prevalence.value is not None
        assert round(finding.prevalence.value * 100, 2) == paper.percent
    assert (numbers.images, numbers.patients, numbers.normal) == (112_120, 30_805, 60_361)


def test_baltruschats_table_3_has_the_sexes_swapped(nih: list[ImageRow]) -> None:
    numbers = statistics(nih)
    published = published_demographics()
    assert numbers.sexes == {"M": 63_340, "F": 48_780}
    assert published["sex", "F"].images == numbers.sexes["M"]
    assert published["sex", "M"].images == numbers.sexes["F"]
    assert {v: published["view", v].images for v in ("PA", "AP")} == numbers.views
    assert numbers.ages is not None
    assert numbers.ages.sd == pytest.approx(16.60, abs=0.005)


def test_published_tables_agree_with_themselves() -> None:
    for name, images in (("ChestX-ray8", 108_948), ("ChestX-ray14", 112_120)):
        published = published_findings()[name]
        assert published[NO_FINDING].images < images
        for finding in published.values():
            assert finding.overlap is None or finding.overlap <= finding.images
    # ChestX-ray8: images with a finding are those with one alone and those with several, and
    # these have at least two each.
    table = {k: v for k, v in published_findings()["ChestX-ray8"].items() if k != NO_FINDING}
    alone = sum(f.images - (f.overlap or 0) for f in table.values())
    several = 108_948 - 84_312 - alone
    assert 2 * several <= sum(f.overlap or 0 for f in table.values()) <= 8 * several
    for paper in published_prevalence().values():
        assert paper.true + paper.false == 112_120
        assert round(100 * paper.true / 112_120, 2) == paper.percent
    shares = published_demographics()
    for attribute in ("sex", "view"):
        both = [share for (kind, _), share in shares.items() if kind == attribute]
        assert sum(share.images for share in both) == 112_120
        assert all(round(s.images / 1121.2, 2) == s.percent for s in both)
