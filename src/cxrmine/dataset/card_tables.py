"""The numbers of a data set as Markdown tables, with published figures beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cxrmine.dataset.model import NO_FINDING
from cxrmine.dataset.published_counts import (
    published_demographics,
    published_findings,
    published_prevalence,
)
from cxrmine.dataset.statistics import Ages, Split, Statistics, ordered_parts
from cxrmine.evaluation.intervals import Estimate

_SEXES = {"M": "male", "F": "female", "O": "other", "M and F": "both on record", "": "unknown"}
_VIEWS = {"PA": "PA", "AP": "AP", "": "unknown"}
_SPECIAL = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "<": "&lt;", ">": "&gt;", "&": "&amp;", "`": "\\`", "*": "\\*",
     "[": "\\[", "]": "\\]", "~": "\\~", "$": "\\$"}
)  # fmt: skip
# An underscore within a word is only that (CommonMark 0.31, section 6.2).
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


def plain(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _EMPHASIS.sub(r"\_", " ".join(text.split()).translate(_SPECIAL))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """Return a Markdown table; the first `texts` columns are text, the others numbers."""
    marks = ["---" if column < texts else "---:" for column in range(len(header))]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percent(part: int, whole: int, digits: int = 1) -> str:
    """Return ``12.3 %``; a dash where there is no whole."""
    return f"{part / whole * 100:.{digits}f} %" if whole else "–"


def counts_table(title: str, counts: Mapping[str, int], unit: str) -> str:
    """Return causes with their numbers, the commonest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return table((title, unit), ((plain(name), f"{number:,}") for name, number in ordered))


# ---------------------------------------------------------------------------- findings


def overlap_table(statistics: Statistics) -> str:
    """Number and overlap of findings: ChestX-ray8's Table 1, ChestX-ray14's Table 16."""
    beside = {
        name: published
        for name, published in published_findings().items()
        if any(f.name in published for f in statistics.findings)
    }
    boxes = statistics.boxes > 0
    header = ["Finding", "Images", "Ov.", "Patients"]
    header += ["Boxes"] * boxes
    for name, published in beside.items():
        header.append(f"{name}: images")
        header += ["Ov."] * any(p.overlap is not None for p in published.values())
    rows = []
    for finding in statistics.findings:
        row = [plain(finding.name), f"{finding.true:,}", f"{finding.overlap:,}"]
        row.append(f"{finding.patients:,}")
        row += [f"{finding.boxes:,}"] * boxes
        rows.append(row + _beside(finding.name, beside))
    normal = [NO_FINDING, f"{statistics.normal:,}", "0", f"{statistics.normal_patients:,}"]
    rows.append(normal + ["0"] * boxes + _beside(NO_FINDING, beside))
    unlabelled = statistics.images - statistics.labelled
    if unlabelled:
        # Neither a finding nor its absence is known of these.
        cells = ["*not labelled*", f"{unlabelled:,}"]
        rows.append(cells + ["–"] * (len(header) - len(cells)))
    return table(header, rows)


def _beside(name: str, beside: Mapping[str, Mapping[str, object]]) -> list[str]:
    cells: list[str] = []
    for dataset in beside:
        published = published_findings()[dataset]
        row = published.get(name)
        cells.append(f"{row.images:,}" if row else "–")
        if any(p.overlap is not None for p in published.values()):
            cells.append(f"{row.overlap:,}" if row and row.overlap is not None else "–")
    return cells


def prevalence_table(statistics: Statistics) -> str:
    """True and false labels with prevalence: Baltruschat's Table 2."""
    published = published_prevalence()
    beside = any(f.name in published for f in statistics.findings)
    uncertain = any(f.uncertain for f in statistics.findings)
    unknown = any(f.unknown for f in statistics.findings)
    header = ["Finding", "True", "False"]
    header += ["Uncertain"] * uncertain + ["Blank"] * unknown
    header += ["Prevalence", "95 % interval"]
    header += ["Baltruschat: true", "false", "prevalence"] * beside
    rows = []
    for finding in statistics.findings:
        row = [plain(finding.name), f"{finding.true:,}", f"{finding.false:,}"]
        row += [f"{finding.uncertain:,}"] * uncertain + [f"{finding.unknown:,}"] * unknown
        row += [_share(finding.prevalence), _interval(finding.prevalence)]
        if beside:
            paper = published.get(finding.name)
            row += (
                [f"{paper.true:,}", f"{paper.false:,}", f"{paper.percent:.2f} %"]
                if paper
                else ["–"] * 3
            )
        rows.append(row)
    return table(header, rows)


def _share(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value * 100:.2f} %"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.low * 100:.2f}–{estimate.high * 100:.2f} %"


def per_image_table(statistics: Statistics) -> str:
    """How many findings the labelled images have."""
    return table(
        ("Findings on an image", "Images", "Share"),
        (
            (str(number), f"{images:,}", percent(images, statistics.labelled))
            for number, images in enumerate(statistics.per_image)
            if images
        ),
    )


# ---------------------------------------------------------------------------- people


def demographics_table(statistics: Statistics, *, nih: bool) -> str:
    """Ages, sexes and views of images and patients: Baltruschat's Table 3, beside it for NIH."""
    published = published_demographics()
    header = ["", "Images", "Share", "Patients", "Share"]
    header += ["Baltruschat: images", "share"] * nih
    rows = []
    both = (statistics.ages, statistics.patient_ages)
    if any(both):
        cells = ["Age in years, mean ± sd"]
        for ages in both:
            cells += [_mean(ages), ""]
        rows.append(cells + ["–", "–"] * nih)
        cells = ["Age in years, median (range)"]
        for ages in both:
            cells += [_range(ages), ""]
        rows.append(cells + ["–", "–"] * nih)
    # Patients are dashed for views: a patient may have been taken in both.
    groups: tuple[tuple[str, str, dict[str, str], Mapping[str, int], Mapping[str, int]], ...] = (
        ("sex", "Sex", _SEXES, statistics.sexes, statistics.patient_sexes),
        ("view", "View", _VIEWS, statistics.views, {}),
    )
    for attribute, title, names, images, patients in groups:
        for value in dict.fromkeys((*images, *patients)):
            of_images = images.get(value, 0)
            cells = [f"{title}: {plain(names.get(value, value))}"]
            cells += [f"{of_images:,}", percent(of_images, statistics.images, 2)]
            if patients:
                number = patients.get(value, 0)
                cells += [f"{number:,}", percent(number, statistics.patients, 2)]
            else:
                cells += ["–", "–"]
            paper = published.get((attribute, value))
            if nih:
                cells += [f"{paper.images:,}", f"{paper.percent:.2f} %"] if paper else ["–", "–"]
            rows.append(cells)
    return table(header, rows)


def _mean(ages: Ages | None) -> str:
    if ages is None:
        return "–"
    return f"{ages.mean:.2f}" + (f" ± {ages.sd:.2f}" if ages.sd is not None else "")


def _range(ages: Ages | None) -> str:
    if ages is None:
        return "–"
    low, high = ages.youngest, ages.oldest
    return f"{ages.median:g} ({low}–{high})" if low < high else f"{low}"


def sizes_table(statistics: Statistics, most: int = 6) -> str:
    """The commonest sizes of the original images."""
    known = sum(number for _, number in statistics.sizes)
    rows = [
        (f"{width} × {height}", f"{number:,}", percent(number, known))
        for (width, height), number in statistics.sizes[:most]
    ]
    rest = statistics.sizes[most:]
    if rest:
        number = sum(amount for _, amount in rest)
        rows.append((f"{len(rest):,} others", f"{number:,}", percent(number, known)))
    return table(("Width × height", "Images", "Share"), rows)


# ---------------------------------------------------------------------------- splits


def splits_table(splits: Sequence[Split]) -> str:
    """Images and patients of every part of every split."""
    parts = ordered_parts(part for split in splits for part in split.parts)
    header = ["Column"]
    for part in parts:
        header += [f"{plain(part)}: images", "patients"]
    rows = []
    for split in splits:
        cells = [f"`{split.name}`"]
        for part in parts:
            if part in split.parts:
                at = split.parts.index(part)
                cells += [f"{split.images[at]:,}", f"{split.patients[at]:,}"]
            else:
                cells += ["–", "–"]
        rows.append(cells)
    return table(header, rows)


def split_findings_table(split: Split) -> str:
    """How many images of each part show each finding, with the share of the part's images."""
    header = ["Finding"]
    for part in split.parts:
        header += [plain(part), "share"]
    rows = []
    for finding, numbers in split.true.items():
        cells = [plain(finding)]
        for number, images in zip(numbers, split.images, strict=True):
            cells += [f"{number:,}", percent(number, images)]
        rows.append(cells)
    return table(header, rows)
