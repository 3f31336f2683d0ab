"""The data set's card, ``dataset_card.md``, and its figures: what a stranger needs to know.

The card follows Gebru et al. 2021 ("Datasheets for Datasets", CACM 64:12): what it is, how it was
made, what it holds, what was left out, what it must not be taken for. It has no date and no path:
the same set gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxrmine.dataset.card_tables import (
    counts_table,
    demographics_table,
    overlap_table,
    per_image_table,
    percent,
    plain,
    prevalence_table,
    sizes_table,
    split_findings_table,
    splits_table,
    table,
)
from cxrmine.dataset.circle import draw_cooccurrence
from cxrmine.dataset.contact_sheet import MOST_IMAGES, draw_contact_sheet
from cxrmine.dataset.drawing import count
from cxrmine.dataset.figures import draw_ages, draw_findings, draw_windows
from cxrmine.dataset.model import NO_FINDING, Box, ImageRow
from cxrmine.dataset.published_counts import published_findings, published_prevalence
from cxrmine.dataset.statistics import Statistics, statistics
from cxrmine.dataset.windows import SOURCES, WindowUse
from cxrmine.tables import atomic_write_bytes, atomic_write_text

__all__ = ["CARD", "FIGURES", "CardInput", "WindowUse", "card_text", "write_card"]

CARD = "dataset_card.md"
FIGURES = "figures"

#: The source that is no public set.
DICOM = "dicom"


@dataclass(frozen=True, slots=True)
class CardInput:
    """All that the card and the figures are made of; every text is from lists of our own.

    Parameters
    ----------
    source : str
        ``dicom`` or a public set's name in the registry (``nih``, ``chexpert``,
        ``mimic-cxr-jpg``, ``openi``).
    rows, boxes
        As in ``Data_Entry.csv`` and ``BBox_List.csv``.
    splits : mapping
        Column of ``splits.csv`` (``split``, ``split_1`` … ``official``) → patient → part.
    label_columns : sequence of str
        Columns of ``labels.csv`` without ``Image Index``; empty where there is no such table.
    label_origin : str
        Where the labels come from, a noun without a full stop (``a table of report labels``);
        blank where nothing is known of it.
    settings : mapping
        Option → value, as the command line names them (``--fit`` → ``stretch``). No paths.
    versions : mapping
        Package → version (cxrmine, Python, pydicom, …).
    hashes : mapping
        What was read, in our words (``label table``, ``boxes``) → SHA-256.
    files : sequence of str
        Names of the files of the set, ``images`` and ``figures`` among them; by default those
        that a build writes, as far as they follow from the other fields.
    files_read : int
        Source files that were looked at.
    set_aside, failures, warnings, box_problems : mapping
        Cause → number of files (of boxes).
    links : mapping
        Outcome in our words (``images with a report``) → number.
    confidence : mapping
        Where the view is from, in our words (``stated: ViewPosition``) → number of images.
    windows : sequence of WindowUse
        One an image that was made from DICOM; empty for public sets.
    with_images : bool
        False for an import of the tables only.
    """

    source: str
    rows: Sequence[ImageRow]
    boxes: Sequence[Box] = ()
    splits: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    label_columns: Sequence[str] = ()
    label_origin: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[str] = ()
    files_read: int = 0
    set_aside: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)
    box_problems: Mapping[str, int] = field(default_factory=dict)
    links: Mapping[str, int] = field(default_factory=dict)
    confidence: Mapping[str, int] = field(default_factory=dict)
    windows: Sequence[WindowUse] = ()
    with_images: bool = True


def write_card(folder: Path, card: CardInput) -> tuple[str, ...]:
    """Write ``dataset_card.md`` and ``figures/*.png`` into a data set.

    Parameters
    ----------
    folder : Path
        The data set; ``images/`` in it is read for the contact sheet.
    card : CardInput
        What is known of the set.

    Returns
    -------
    tuple of str
        The files written, relative to `folder`, for the manifest. A figure that would show
        nothing is not written, and one from an earlier build is removed.
    """
    numbers = statistics(
        card.rows, boxes=card.boxes, splits=card.splits, label_columns=card.label_columns
    )
    drawn = {
        "findings.png": draw_findings(numbers),
        "cooccurrence.png": draw_cooccurrence(numbers),
        "ages.png": draw_ages(numbers),
        "contact_sheet.png": (
            draw_contact_sheet(card.rows, card.boxes, folder / "images")
            if card.with_images
            else None
        ),
        "windows.png": draw_windows(card.windows),
    }
    written = []
    for name, data in drawn.items():
        path = folder / FIGURES / name
        if data is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(exist_ok=True)
        atomic_write_bytes(path, data)
        written.append(f"{FIGURES}/{name}")
    figures = frozenset(name for name, data in drawn.items() if data is not None)
    atomic_write_text(folder / CARD, card_text(card, numbers, figures))
    return (CARD, *written)


def card_text(card: CardInput, numbers: Statistics, figures: frozenset[str]) -> str:
    """Return the card as Markdown (CommonMark with GitHub's tables).

    Parameters
    ----------
    card : CardInput
    numbers : Statistics
        Of its rows.
    figures : frozenset of str
        Names of the figures that were drawn.
    """
    sections = (
        _summary(card, numbers),
        _files(card, numbers, figures),
        _made(card, numbers, figures),
        _findings(card, numbers, figures),
        _people(card, numbers, figures),
        _splits(card, numbers),
        _left_out(card),
        _identity(card),
        _limits(card, numbers),
        _check(card),
        _licence(card),
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


# ---------------------------------------------------------------------------- what it is

_NAMES = {
    "nih": "ChestX-ray14 of the NIH Clinical Center",
    "chexpert": "CheXpert of Stanford University",
    "mimic-cxr-jpg": "MIMIC-CXR-JPG of PhysioNet",
    "openi": "the Open-i chest X-rays of Indiana University",
}


def _summary(card: CardInput, numbers: Statistics) -> Iterator[str]:
    yield "# Data set card: frontal chest X-rays"
    images = count(numbers.images, "image")
    form = (
        "Each image is a PNG of 1024×1024 pixels with one channel of 8 bits."
        if card.with_images
        else "Only the tables were imported; the images have to be taken from the source."
    )
    version = card.versions.get("cxrmine", "")
    yield (
        f"{images} of {count(numbers.patients, 'patient')}, made with `cxrmine build-dataset`"
        f"{f' (version {plain(version)})' if version else ''} from "
        + (
            "DICOM files"
            if card.source == DICOM
            else f"{_NAMES.get(card.source, plain(card.source))} as it is distributed"
        )
        + f". {form}"
    )
    if not numbers.labelled:
        labels = (
            "**No image is labelled**: nothing is known of what the images show, and none may be "
            "taken for normal."
        )
    else:
        labels = (
            "Labels: "
            + (
                "every image has some, "
                if numbers.labelled == numbers.images
                else f"{numbers.labelled:,} of {images} have some, "
            )
            + f"{numbers.normal:,} are labelled `{NO_FINDING}`, "
            f"{count(sum(numbers.per_image[1:]), 'image')} "
            f"{'shows' if sum(numbers.per_image[1:]) == 1 else 'show'} at least one finding."
        )
        if card.label_origin:
            labels += f" They come from {plain(card.label_origin)}."
        if numbers.labelled < numbers.images:
            labels += (
                f" The other {numbers.images - numbers.labelled:,} are not labelled: they are "
                "neither normal nor abnormal, and their cells are blank."
            )
    yield labels
    boxes = (
        f"{count(numbers.boxes, 'bounding box', 'bounding boxes')} on "
        f"{count(numbers.boxed, 'image')} {'shows' if numbers.boxes == 1 else 'show'} where a "
        "finding is."
        if numbers.boxes
        else "There are no bounding boxes."
    )
    yield (
        f"{boxes} The set is meant for research on image classifiers and on finding lesions, **not for "
        "the care of patients**."
    )


_FILES = {
    "images": "the images, `PATIENT_NUMBER.png`",
    "Data_Entry.csv": (
        "one line an image: findings, patient, age, sex, view, size of the original; the columns "
        "of ChestX-ray14 (their header has commas within brackets, so it counts as 11 columns)"
    ),
    "labels.csv": "one line an image: each label as 1 (true), 0 (false), -1 (uncertain) or blank",
    "images.csv": "one line an image: how its grey values and its view were found",
    "BBox_List.csv": "one line a box: x and y of the upper left corner, width and height, in pixels",
    "splits.csv": "one line an image: its part in every split",
    "train_val_list.txt": "the images of the parts train and val of the column `split`",
    "test_list.txt": "the images of the part test of the column `split`",
    "warnings.csv": "oddities that lost nothing",
    "set_aside.csv": "sound files that do not belong in the set, by number and cause",
    "failures.csv": "files that could not be used, by number and cause",
    "unlinked.csv": "reports and images without a counterpart",
    "train.csv": "the same table in CheXpert's layout",
    "boxes_coco.json": "the boxes in COCO's form",
    FIGURES: "the figures of this card",
    "run.json": "settings, versions and counts of the build",
    "timing.json": "how long the build took",
    "manifest.csv": "size and SHA-256 of every other file but `timing.json`",
}


def _files(card: CardInput, numbers: Statistics, figures: frozenset[str]) -> Iterator[str]:
    layouts = card.settings.get("--layout", "").split(", ")
    absent = {
        "images": not card.with_images,
        "labels.csv": not card.label_columns,
        "unlinked.csv": not card.links,
        "train.csv": "chexpert" not in layouts,
        "boxes_coco.json": "coco" not in layouts,
        FIGURES: not figures,
    }
    names = card.files or [name for name in _FILES if not absent.get(name)]
    known = [name for name in _FILES if name in names]
    others = sorted(set(names) - set(known) - {CARD})
    yield "## Files"
    yield table(
        ("File", "What it holds"),
        [
            *((f"`{name}`" if "." in name else f"`{name}/`", _FILES[name]) for name in known),
            *((f"`{name}`", "see the documentation of cxrmine") for name in others),
        ],
        texts=2,
    )
    if "contact_sheet.png" in figures:
        yield _figure("contact_sheet.png", "Images of the set with their findings and boxes")
        if numbers.images > MOST_IMAGES:
            yield (
                f"These {MOST_IMAGES} images are spread over the findings, so rare ones are shown "
                "more often than they occur."
            )


def _figure(name: str, says: str) -> str:
    return f"![{says}]({FIGURES}/{name})"


# ---------------------------------------------------------------------------- how it was made

_FITS = {
    "stretch": (
        "Each image was resampled to 1024×1024 pixels by area averaging (a side of fewer pixels "
        "by linear interpolation), width and height each by its own factor as in ChestX-ray8, "
        "**so that shapes are distorted** where the original is not square."
    ),
    "pad": (
        "Each image was resampled by area averaging (linear interpolation where it is smaller) "
        "until its longer side had 1024 pixels, its shape kept, and black borders were added to "
        "the shorter side."
    ),
    "crop": (
        "The square in the middle of each image was resampled to 1024×1024 pixels by area "
        "averaging (linear interpolation where it is smaller); what lay outside the square is lost."
    ),
}


def _made(card: CardInput, numbers: Statistics, figures: frozenset[str]) -> Iterator[str]:
    yield "## How it was made"
    if card.source != DICOM:
        yield (
            "The source's tables were read as they are and brought into the columns of "
            "ChestX-ray14."
        )
    if card.with_images:
        if card.source == DICOM:
            yield (
                "Grey values follow the DICOM standard (PS3.3 C.11.1, C.11.2, C.7.6.3): stored "
                "value, modality rescale or lookup table, then the VOI lookup table or window of "
                "the file, to 0–255; MONOCHROME1 and inverse presentation were inverted once, so "
                "that air is dark and bone is bright. No image was stretched to its own range of "
                "grey values, except where its file has no window."
            )
        else:
            yield (
                "The images were made to grey values by the source. Here only channels were "
                "merged and, where an image was not 1024×1024 pixels, its size was changed."
            )
        if fit := _FITS.get(card.settings.get("--fit", "")):
            yield fit
    if card.windows:
        yield from _windows(card.windows, figures)
    if numbers.sizes:
        known = sum(number for _, number in numbers.sizes)
        spacing = ""
        if numbers.spacings:
            values = [value for value, _ in numbers.spacings]
            spread = (
                f"{min(values):g} mm"
                if min(values) == max(values)
                else f"{min(values):g}–{max(values):g} mm, most often {values[0]:g} mm"
            )
            spacing = (
                f" The pixel spacing from left to right, known for "
                f"{sum(number for _, number in numbers.spacings):,} images, is {spread}; it "
                "may be that of the detector or that of the patient's plane."
            )
        yield (
            "Sizes of the original images, before any resampling (known for "
            f"{count(known, 'image')}):"
        )
        yield sizes_table(numbers)
        if spacing:
            yield spacing.strip()
    if card.links:
        yield "How images and reports were brought together:"
        yield table(("Outcome", "Number"), ((plain(k), f"{n:,}") for k, n in card.links.items()))
    if card.settings:
        yield "Options of the build:"
        yield table(
            ("Option", "Value"),
            ((f"`{name}`", plain(value) or "–") for name, value in card.settings.items()),
            texts=2,
        )
    if card.versions:
        yield "Versions: " + ", ".join(
            f"{plain(name)} {plain(value)}" for name, value in card.versions.items()
        ) + "."  # fmt: skip
    if card.hashes:
        yield "Tables that were read:"
        yield table(
            # A hospital's tables hold identifiers, which a plain hash might let somebody guess.
            ("Table", "SHA-256 under the private key" if card.source == DICOM else "SHA-256"),
            ((plain(name), f"`{digest}`") for name, digest in card.hashes.items()),
            texts=2,
        )


def _windows(windows: Sequence[WindowUse], figures: frozenset[str]) -> Iterator[str]:
    sources = Counter(use.source for use in windows)
    order = [*(s for s in SOURCES if s in sources), *sorted(set(sources) - set(SOURCES))]
    yield "Where the grey values come from:"
    yield table(
        ("Source", "Images", "Share"),
        (
            (SOURCES.get(s, plain(s)), f"{sources[s]:,}", percent(sources[s], len(windows)))
            for s in order
        ),
    )
    if sources["percentiles"]:
        yield (
            "Where a file has more than 8 bits and no window, the 0.5 and 99.5 percentiles of its "
            "pixels (without padding) became black and white: such images cannot be compared in "
            "brightness with the others."
        )
    if "windows.png" in figures:
        yield _figure("windows.png", "Sources of the grey values, centres and widths of windows")


# ---------------------------------------------------------------------------- what it holds


def _findings(card: CardInput, numbers: Statistics, figures: frozenset[str]) -> Iterator[str]:
    if not numbers.labelled:
        return
    yield "## Findings"
    beside = [
        name
        for name, published in published_findings().items()
        if any(f.name in published for f in numbers.findings)
    ]
    papers = {
        "ChestX-ray8": "Wang et al. 2017 (CVPR), Table 1",
        "ChestX-ray14": "Wang et al. 2017 (arXiv 1705.02315v5), Table 16",
    }
    sources = "; ".join(f"{name}: {papers[name]}" for name in beside)
    nih = card.source == "nih"
    said = (
        "Number and overlap. *Images* show the finding, *Ov.* of them show another one as well, "
        "and they belong to so many *patients*."
    )
    if beside:
        said += f" Beside them what is printed of other sets ({sources})."
    if nih:
        said += (
            " The label table that is distributed (2020) and the paper's Table 16 differ by a few "
            "images a finding."
        )
    yield said
    yield overlap_table(numbers)
    if "cooccurrence.png" in figures:
        yield _figure("cooccurrence.png", "Circle of co-occurrence: which findings come together")
    yield per_image_table(numbers)
    said = (
        "Prevalence: the share of images labelled true among those labelled true or false. The "
        "95 % interval says how far it might be off for the people that the patients were drawn "
        "from; it takes patients, not images, as drawn (images of one patient resemble each "
        "other), and knows nothing of wrong labels or of how the patients were chosen."
    )
    if any(f.uncertain or f.unknown for f in numbers.findings):
        said += " Uncertain and blank labels do not count."
    published = published_prevalence()
    same = [f for f in numbers.findings if f.name in published]
    if same:
        said += (
            " Beside it ChestX-ray14 as in Baltruschat et al. 2019 (Scientific Reports 9:6381), "
            "Table 2"
        )
        if nih and all(
            (f.true, f.false) == (published[f.name].true, published[f.name].false) for f in same
        ):
            said += ", which this set matches exactly"
        said += "."
    yield said
    yield prevalence_table(numbers)
    if "findings.png" in figures:
        yield _figure("findings.png", "Prevalence of the findings with 95 % intervals")
    if card.box_problems:
        yield "Oddities of the boxes that were read:"
        yield counts_table("Cause", card.box_problems, "Boxes")


def _people(card: CardInput, numbers: Statistics, figures: frozenset[str]) -> Iterator[str]:
    if not numbers.images:
        return
    yield "## Patients and views"
    least, middle, most = numbers.images_per_patient
    spread = (
        f"{count(least, 'image')} each"
        if least == most
        else f"{least:,} to {most:,} images a patient, the median being {middle:g}"
    )
    yield (
        f"{count(numbers.images, 'image')} of {count(numbers.patients, 'patient')} in "
        f"{count(numbers.studies, 'study', 'studies')} as `Follow-up #` counts them; {spread}. "
        "Ages of patients are those at their first image"
        + ("; 90 stands for 90 and over." if numbers.ages and numbers.ages.oldest == 90 else ".")
    )
    nih = card.source == "nih"
    yield demographics_table(numbers, nih=nih)
    if nih:
        yield (
            "Baltruschat et al. 2019 (Scientific Reports 9:6381, Table 3) print the numbers of the "
            "two sexes the other way round; those of the distributed table are in the column "
            "*Images*."
        )
    if numbers.patient_sexes.get("M and F"):
        yield (
            f"{count(numbers.patient_sexes['M and F'], 'patient')} "
            f"{'is' if numbers.patient_sexes['M and F'] == 1 else 'are'} male on some images and "
            "female on others: two people may have become one, or a header is wrong."
        )
    if "ages.png" in figures:
        yield _figure("ages.png", "Ages of the images' patients by sex, in bins of two years")
    if card.confidence and card.source == DICOM:
        yield (
            "How the view is known (only positive evidence of another view took a file out of the "
            "set, so that an image of unknown view may be no frontal one):"
        )
        yield counts_table("View", card.confidence, "Images")


def _splits(card: CardInput, numbers: Statistics) -> Iterator[str]:
    if not numbers.splits:
        return
    yield "## Splits"
    said = (
        "Whole patients were put into parts, so **no patient is in two parts of a split**. The "
        "columns of `splits.csv`:"
    )
    yield said
    yield splits_table(numbers.splits)
    resampled = [split.name for split in numbers.splits if split.name.startswith("split_")]
    notes = []
    if "split" in card.splits:
        notes.append(
            "`split` is the one to use where a single split is asked for" + _like(card.splits) + "."
        )
    if resampled:
        names = f"`{resampled[0]}`"
        if len(resampled) > 1:
            names += f" to `{resampled[-1]}`"
        notes.append(
            f"Re-sampled (as in Baltruschat et al. 2019): {names}, patients in the order of the "
            "SHA-256 of seed, repetition and number, cut at fixed proportions. Report the mean "
            "and the spread over them."
        )
    if "official" in card.splits:
        joined = any(row.official == "train_val" for row in card.rows)
        notes.append(
            "`official` is the source's own split"
            + (
                "; it gives train and val as one, of whose patients one in eight became val, by "
                "the same hash."
                if joined
                else "."
            )
        )
    if without := max(split.without for split in numbers.splits):
        notes.append(f"Up to {count(without, 'image')} lie in no part of a split.")
    if notes:
        yield " ".join(notes)
    if not numbers.labelled:
        return
    for split in numbers.splits:
        again = split.name == "official" and card.splits.get("split") == card.splits["official"]
        if split.name in ("split", "official") and split.true and not again:
            yield f"Images with each finding in the parts of `{split.name}`:"
            yield split_findings_table(split)


def _like(splits: Mapping[str, Mapping[int, str]]) -> str:
    """Say which other column the column ``split`` repeats, if one."""
    for name in ("split_1", "official"):
        if splits["split"] == splits.get(name):
            return f", the same as `{name}`"
    return ""


# ---------------------------------------------------------------------------- what is not there


def _left_out(card: CardInput) -> Iterator[str]:
    yield "## What was left out"
    read = f"{count(card.files_read, 'file')} looked at, " if card.files_read else ""
    aside, failed = sum(card.set_aside.values()), sum(card.failures.values())
    yield (
        f"{read}{count(len(card.rows), 'image')} in the set, {aside:,} set aside because they do "
        f"not belong in it, {failed:,} that could not be used."
    )
    if card.set_aside:
        yield counts_table("Set aside", card.set_aside, "Files")
    if card.failures:
        yield counts_table("Could not be used", card.failures, "Files")
    # Those of boxes have a table of their own.
    warnings = {c: number for c, number in card.warnings.items() if c not in card.box_problems}
    if warnings:
        yield "Other oddities, which took nothing out of the set:"
        yield counts_table("Warning", warnings, "Number")


def _identity(card: CardInput) -> Iterator[str]:
    yield "## De-identification"
    if card.source != DICOM:
        yield (
            "The source was de-identified by those who published it; see its own statement. "
            "Nothing was taken from it beyond the columns of the tables here."
        )
        if card.source == "mimic-cxr-jpg":
            yield (
                "Its identifiers of studies and images are not in the tables; patients keep the "
                "number that the source gave them."
            )
        return
    yield (
        "Only these attributes left the DICOM files: age (90 and over became 90), sex (M, F, O), "
        "view, image size, pixel spacing, bits and photometric interpretation, transfer syntax, "
        "modality, and how the grey values were windowed. All other attributes stayed behind, and "
        "the images carry no metadata. Patients have numbers in an order that a secret key "
        "decides; dates became days since the patient's first study; names of files and studies "
        "were replaced. The key and the list of who is who are not part of the set."
    )
    yield (
        "**Not checked**: text that was burned into the pixels (a name, a date, a marker) unless "
        "the file itself says so (BurnedInAnnotation YES: set aside); jewellery, implants and "
        "bones by which a person might be known; and whether an age, a sex and a rare finding "
        "together point to one person. Whoever publishes the set has to look at its images and "
        "judge this."
    )


def _limits(card: CardInput, numbers: Statistics) -> Iterator[str]:
    yield "## Known limits"
    points = []
    if numbers.labelled:
        points.append(
            "The labels say what a program has read in reports, not what a radiologist sees "
            "on the image"
            + (", but for CheXpert's own parts val and test" if card.source == "chexpert" else "")
            + ". Some are wrong; a finding that the report does not mention counts as false or "
            "stays blank; and a report may know more than the image shows."
        )
        points.append(
            "In `Finding Labels` an uncertain finding does not appear, and a blank cell means that "
            "no finding of the table is known to be there: nothing is known of the image, or its "
            f"findings are uncertain or have no column. Only `{NO_FINDING}` means that nothing was "
            "found."
        )
    else:
        points.append("Without labels the set can train nothing that needs them.")
    if numbers.boxes:
        points.append(
            "An image without a box may still show findings: boxes were drawn on some images only."
        )
    points.append(
        "The patients are those who were X-rayed where the images come from, often ill and often "
        "more than once; shares in this set are not shares in any other population."
    )
    if unknown := numbers.views.get("", 0):
        points.append(f"The view of {count(unknown, 'image')} is unknown.")
    points.append(
        "AP images are mostly of patients too ill to stand; a classifier can learn the view, the "
        "device or the markers in place of the disease."
    )
    if card.with_images:
        points.append("8 bits and 1024 pixels are less than what a radiologist works with.")
    yield "\n".join(f"- {point}" for point in points)


def _check(card: CardInput) -> Iterator[str]:
    yield "## How to check it"
    yield (
        "`manifest.csv` holds the SHA-256 of every file. This lists every file that is changed, "
        "missing or surplus:"
    )
    yield "```\nbuild-dataset --verify DATASET\n```"
    yield "Without cxrmine, in the data set's folder (nothing is printed if all is well):"
    yield (
        "```\npython3 -c \"import csv, hashlib, pathlib; [print('changed:', r['path']) for r in "
        "csv.DictReader(open('manifest.csv', encoding='utf-8')) if "
        "hashlib.sha256(pathlib.Path(r['path']).read_bytes()).hexdigest() != r['sha256']]\"\n```"
    )


_CITED = {
    "nih": (
        "X. Wang, Y. Peng, L. Lu, Z. Lu, M. Bagheri, R. M. Summers: ChestX-ray8: Hospital-scale "
        "Chest X-ray Database and Benchmarks on Weakly-Supervised Classification and Localization "
        "of Common Thorax Diseases. CVPR 2017. The NIH Clinical Center, which provided the images, "
        "asks to be named."
    ),
    "chexpert": (
        "J. Irvin, P. Rajpurkar et al.: CheXpert: A Large Chest Radiograph Dataset with "
        "Uncertainty Labels and Expert Comparison. AAAI 2019. Its research use agreement holds "
        "for this copy too."
    ),
    "mimic-cxr-jpg": (
        "A. E. W. Johnson et al.: MIMIC-CXR-JPG, a large publicly available database of labeled "
        "chest radiographs. arXiv 1901.07042, 2019. PhysioNet's data use agreement holds for this "
        "copy too: it must not be passed on to people who have not signed it."
    ),
    "openi": (
        "D. Demner-Fushman et al.: Preparing a collection of radiology examinations for "
        "distribution and retrieval. JAMIA 23:304, 2016."
    ),
}


def _licence(card: CardInput) -> Iterator[str]:
    yield "## Licence and citation"
    if card.source in _CITED:
        yield f"The terms of the source hold for this copy. Cite: {_CITED[card.source]}"
    yield (
        "> **To be filled in by the owner before publishing**: licence; whom to cite; who "
        "approved the release (ethics committee or institution, with its reference); whom to ask."
    )
