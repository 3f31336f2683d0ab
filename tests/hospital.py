"""A hospital's archive for tests: DICOM files of drawn chest radiographs, with the truth of each.

`make_hospital` writes a folder of patients, studies and files as an archive exports them, in every
storage the field knows (`STORAGES`), with the oddities that real archives hold. The window or LUT
of a file is chosen so that whoever follows the standard sees the drawn picture again: the truth
does not come from the code under test. `make_faults` writes files that cannot be read.

With a canary, every text attribute, private element, file and folder name holds it;
`Hospital.secrets` lists what must then not be found in anything a command writes.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import gdcm
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.datadict import DicomDictionary, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag, Tag

from drawn_chest import FINDINGS, DrawnBox, Picture, draw_chest, draw_hand, draw_lateral

CR = uid.ComputedRadiographyImageStorage
DX = uid.DigitalXRayImageStorageForPresentation
SECONDARY_CAPTURE = uid.SecondaryCaptureImageStorage


@dataclass(frozen=True, slots=True)
class Storage:
    """How the pixels of a film are stored, and what brings the picture back.

    ``tolerance`` is by how many grey levels a right conversion may differ from the picture:
    1 for the quantisation of stored values, more where the compression loses something.
    """

    name: str
    syntax: str = uid.ExplicitVRLittleEndian
    sop_class: str = CR
    allocated: int = 16
    stored: int = 12
    signed: bool = False
    photometric: str = "MONOCHROME2"
    shape: str = ""
    display: str = "LINEAR"
    slope: float = 1
    intercept: float = 0
    modality_lut: bool = False
    windows: int = 1
    high_bits: bool = False
    padding: bool = False
    meta: bool = True
    tolerance: float = 1

    @property
    def stretched(self) -> bool:
        """Whether no window says what to show of more than 8 bits."""
        return self.display == "none" and self.stored > 8


_SYNTAXES = {
    "implicit": uid.ImplicitVRLittleEndian,
    "big_endian": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "rle": uid.RLELossless,
    "jpeg_lossless": uid.JPEGLosslessSV1,
    "jpeg_lossless_14": uid.JPEGLossless,
    "jpeg_ls": uid.JPEGLSLossless,
    "jpeg_2000": uid.JPEG2000Lossless,
}

# Only imagecodecs writes JPEG of 12-bit precision: gdcm calls it 16, which lossless JPEG may have.
_WITH_IMAGECODECS = (
    (
        Storage("jpeg_extended", uid.JPEGExtended12Bit, tolerance=24),
        Storage("jpeg_lossless_12", uid.JPEGLosslessSV1),
    )
    if find_spec("imagecodecs")
    else ()
)

#: Every storage by its name; `make_hospital` deals them out in this order.
STORAGES: dict[str, Storage] = {
    storage.name: storage
    for storage in (
        Storage("window"),
        Storage("monochrome1", photometric="MONOCHROME1"),
        Storage("voi_lut", display="LUT"),
        Storage("sigmoid", display="SIGMOID", sop_class=DX),
        Storage("jpeg_lossless", syntax=_SYNTAXES["jpeg_lossless"]),
        # More bits and no window: by the percentiles.
        Storage("no_window", display="none"),
        Storage("eight_bit", allocated=8, stored=8, display="none"),
        Storage("jpeg_2000", syntax=_SYNTAXES["jpeg_2000"], sop_class=DX),
        Storage("linear_exact", display="LINEAR_EXACT", stored=14),
        Storage("rescale", slope=2.5, intercept=-1000),
        Storage("signed", signed=True, intercept=-300, stored=15),
        Storage("dx_monochrome1", photometric="MONOCHROME1", shape="INVERSE", sop_class=DX),
        Storage("rle", syntax=_SYNTAXES["rle"], stored=10),
        Storage("jpeg_ls", syntax=_SYNTAXES["jpeg_ls"], stored=16),
        Storage("big_endian", syntax=_SYNTAXES["big_endian"]),
        Storage("implicit", syntax=_SYNTAXES["implicit"], windows=2),
        Storage(
            "jpeg_baseline",
            uid.JPEGBaseline8Bit,
            allocated=8,
            stored=8,
            display="none",
            tolerance=24,
        ),
        *_WITH_IMAGECODECS,
        Storage("high_bits", high_bits=True),
        Storage("padding", display="none", padding=True),
        Storage("inverse", shape="INVERSE", sop_class=DX),
        Storage("modality_lut", modality_lut=True),
        Storage("deflated", syntax=_SYNTAXES["deflated"]),
        Storage("jpeg_lossless_14", syntax=_SYNTAXES["jpeg_lossless_14"], signed=True),
        Storage("no_meta", syntax=_SYNTAXES["implicit"], meta=False),
        Storage("monochrome1_lut", photometric="MONOCHROME1", display="LUT", stored=10),
        Storage("jpeg_2000_signed", syntax=_SYNTAXES["jpeg_2000"], signed=True),
    )
}


@dataclass(frozen=True, slots=True)
class Film:
    """One DICOM file to write, and its truth.

    ``age_text`` and ``sex`` are what stands in the file, ``age`` what it means (90 and over: 90).
    ``attributes`` are set last, by keyword (None deletes). ``kind`` is ``chest``, ``lateral``,
    ``hand``, ``report page`` (colour), ``frames`` or ``report`` (no image). With ``every_text`` a
    canary stands in every text attribute there is, else in those of `_WHO_AND_WHEN`.
    """

    patient: str
    study: str
    instance: str
    accession: str
    study_date: str
    storage: Storage = STORAGES["window"]
    kind: str = "chest"
    size: tuple[int, int] = (320, 260)
    seed: int = 0
    noise: float = 0.004
    findings: tuple[str, ...] = ()
    side: str = "right"
    age_text: str = "062Y"
    age: int | None = 62
    birth_date: str = ""
    sex: str = "F"
    view: str = "PA"
    study_time: str = "101500"
    spacing: tuple[str, str] = ("0.15", "0.14")
    attributes: Mapping[str, object] = field(default_factory=dict)
    every_text: bool = False

    @property
    def study_uid(self) -> str:
        """Of the form that PS3.5 B.2 derives from a UUID."""
        return make_uid("study", self.study)

    @property
    def sop_uid(self) -> str:
        """As ``study_uid``."""
        return make_uid("instance", self.instance)


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the hospital and its truth.

    ``fate`` is ``image``, ``set aside``, ``duplicate`` (a second copy of the same object, byte for
    byte) or ``fault``; ``why`` is a word of our own for what is special, blank for a plain film.
    """

    path: Path
    film: Film | None
    fate: str = "image"
    why: str = ""

    @property
    def picture(self) -> Picture:
        """What a reader should see: grey in [0, 1], float32 (rows, columns)."""
        assert self.film is not None
        return _drawn(self.film)[0]

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The grey levels that a right conversion gives, within ``tolerance`` where `seen` says so.

        That is the picture; without a window, stretched from its 0.5 to its 99.5 percentile.
        """
        assert self.film is not None
        picture = self.picture.astype(np.float64)
        if self.film.storage.stretched:
            low, high = np.percentile(picture[self.seen], [0.5, 99.5])
            picture = np.clip((picture - low) / (high - low), 0, 1)
        return np.floor(255 * picture + 0.5).astype(np.uint8)

    @property
    def seen(self) -> tuple[slice, slice]:
        """Where the picture is, and not padding."""
        assert self.film is not None
        edge = _padded(self.film.size[1]) if self.film.storage.padding else 0
        return slice(None), slice(edge, None)

    @property
    def boxes(self) -> tuple[DrawnBox, ...]:
        """``(finding, (x, y, width, height))`` in the original's pixels."""
        assert self.film is not None
        return _drawn(self.film)[1]


@dataclass(frozen=True, slots=True)
class Hospital:
    """The folder, what was written into it in the order of writing, and what must not leak."""

    folder: Path
    files: tuple[Written, ...]
    secrets: tuple[str, ...]

    def of(self, fate: str) -> list[Written]:
        """The files of that fate."""
        return [written for written in self.files if written.fate == fate]

    @property
    def patients(self) -> dict[str, list[Written]]:
        """The images of every patient (by id; blank where the file has none)."""
        found: dict[str, list[Written]] = {}
        for written in self.of("image"):
            assert written.film is not None
            found.setdefault(written.film.patient, []).append(written)
        return found

    def write_labels(self, path: Path) -> None:
        """Write the findings as mine-labels would: ``report_id`` is the accession number."""
        rows: dict[str, set[str]] = {}
        for written in self.of("image"):
            assert written.film is not None
            if written.film.accession:
                rows.setdefault(written.film.accession, set()).update(written.film.findings)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["report_id", *FINDINGS, "No Finding"])
            for accession, found in rows.items():
                cells = [str(int(name in found)) for name in FINDINGS]
                writer.writerow([accession, *cells, str(int(not found))])

    def write_boxes_csv(self, path: Path, name: Callable[[Written], str]) -> int:
        """Write the boxes in NIH's form, in original pixels; return how many there are."""
        number = 0
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write("Image Index,Finding Label,Bbox [x,y,w,h],,,\n")
            for written in self.of("image"):
                for finding, (x, y, w, h) in written.boxes:
                    file.write(f"{name(written)},{finding},{x:g},{y:g},{w:g},{h:g}\n")
                    number += 1
        return number

    def write_boxes_xml(self, folder: Path, name: Callable[[Written], str]) -> int:
        """Write one Pascal VOC file an image with boxes; return the number of boxes."""
        folder.mkdir(parents=True, exist_ok=True)
        number = 0
        for k, written in enumerate(self.of("image")):
            if written.boxes:
                path = folder / f"{k:04d}_{Path(name(written)).stem}.xml"
                path.write_text(boxes_xml(name(written), written), encoding="utf-8")
                number += len(written.boxes)
        return number


def boxes_xml(name: str, written: Written) -> str:
    """The boxes of a file as Pascal VOC XML, corners in the original's pixels."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = name
    rows, columns = written.picture.shape
    extent = ElementTree.SubElement(root, "size")
    for key, value in (("width", columns), ("height", rows), ("depth", 1)):
        ElementTree.SubElement(extent, key).text = str(value)
    for finding, (x, y, w, h) in written.boxes:
        thing = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(thing, "name").text = finding
        box = ElementTree.SubElement(thing, "bndbox")
        for key, value in (("xmin", x), ("ymin", y), ("xmax", x + w), ("ymax", y + h)):
            ElementTree.SubElement(box, key).text = f"{value:g}"
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def make_uid(*parts: str) -> str:
    """A UID that the parts decide."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


# The hospital


def make_hospital(
    folder: Path,
    *,
    patients: int,
    size: tuple[int, int] = (160, 130),
    seed: int = 0,
    canary: str | None = None,
    storages: Sequence[Storage] = tuple(STORAGES.values()),
    oddities: bool = True,
    noise: float = 0.004,
) -> Hospital:
    """Write an archive's export: ``folder/<patient>/<study>/<file>``.

    Parameters
    ----------
    folder : Path
        Made if need be.
    patients : int
        Each has one to three studies of one frontal film, every third study a lateral too.
    size : (int, int)
        Rows and columns of the films.
    seed : int
        Decides everything: same arguments, same pixels and headers.
    canary : str, optional
        Up to 10 capital letters or digits, which every text attribute, private element, file and
        folder name then holds (see `fill_with_canary`).
    storages : sequence of Storage
        Dealt out in turn over the frontal films.
    oddities : bool
        Also write what `make_oddities` lists.
    noise : float
        See `draw_chest`.

    Returns
    -------
    Hospital
        What was written.
    """
    random = np.random.default_rng(seed)
    word = canary or "HOSP"
    names, films, dealt = list(FINDINGS), [], 0
    for p in range(patients):
        patient = f"{word}-P{seed}-{p:05d}"
        birth = date(1930, 1, 1) + timedelta(days=int(random.integers(0, 25_000)))
        sex = "MF"[p % 2]
        for s in range(1 + p % 3):
            # Later studies are written first: the order of files is not the order of time.
            day = date(2021, 3, 1) + timedelta(days=int(random.integers(0, 60)) + 400 * (2 - s))
            years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
            found = random.choice(names, int(random.integers(0, 3)), replace=False)
            study = f"{word}-{seed}-{p}-{s}"
            film = Film(
                patient=patient,
                study=study,
                instance=f"{study}-0",
                accession=f"{word[:10]}{seed}{p:03d}{s}",
                study_date=f"{day:%Y%m%d}",
                storage=storages[dealt % len(storages)],
                size=size,
                seed=seed * 1_000_003 + p * 17 + s,
                noise=noise,
                findings=tuple(sorted(str(name) for name in found)),
                side=("right", "left")[(p + s) % 2],
                age_text=("", f"{years:03d}Y", str(years))[(p + s) % 3],
                age=min(years, 90),
                birth_date=f"{birth:%Y%m%d}",
                sex=sex,
                view=("PA", "AP")[(p // 2 + s) % 2],
                every_text=True,
            )
            dealt += 1
            films.append(Written(folder / patient / f"{word}{s}" / _file_name(word, s), film))
            if (p + s) % 3 == 1:
                side_view = replace(
                    film, kind="lateral", view="LL", instance=f"{study}-1", findings=()
                )
                path = folder / patient / f"{word}{s}" / f"{word}_LAT.dcm"
                films.append(Written(path, side_view, "set aside", "lateral"))
    written = films
    for one in films:
        assert one.film is not None
        write_film(one.path, one.film, canary=canary)
    if oddities:
        written = films + make_oddities(folder, size=size, seed=seed, canary=canary, noise=noise)
    return Hospital(folder, tuple(written), _secrets(written, folder, canary))


def _file_name(word: str, k: int) -> str:
    """As archives name files: with and without an ending, in capitals and not."""
    return (f"{word}_IM{k:04d}", f"{word}_{k}.dcm", f"{word}_{k}.DCM")[k % 3]


def _secrets(files: Iterable[Written], folder: Path, canary: str | None) -> tuple[str, ...]:
    """What must not be found in anything that leaves: identifiers, dates, names, the canary."""
    found: set[str] = set(CANARY_NUMBERS) | {canary} if canary else set()
    for written in files:
        found |= {part for part in written.path.relative_to(folder).parts if len(part) > 4}
        if (film := written.film) is None:
            continue
        found |= {film.patient, film.study_uid, film.sop_uid, film.accession}
        for day in (film.study_date, film.birth_date):
            if day:
                found |= {day, f"{day[:4]}-{day[4:6]}-{day[6:]}", f"{day[:4]}.{day[4:6]}.{day[6:]}"}
    return tuple(sorted(found - {""}))


def make_oddities(
    folder: Path,
    *,
    size: tuple[int, int] = (160, 130),
    seed: int = 0,
    canary: str | None = None,
    noise: float = 0.004,
) -> list[Written]:
    """Write what archives also hold, each of its own patient unless the point is another.

    Set aside with positive evidence: laterals that each state it in another attribute, a hand, a
    burned-in annotation, a report page (OT, colour), several frames, an object without an image.
    Kept: no patient id, no view, ages of every form, other pixels under the same UID; and one
    exact copy.
    """
    word = canary or "HOSP"
    written: list[Written] = []

    def film(name: str, **changes: object) -> Film:
        base = Film(
            patient=f"{word}-O{seed}-{name}",
            study=f"{word}-odd-{seed}-{name}",
            instance=f"{word}-odd-{seed}-{name}-0",
            accession=f"{word[:6]}O{hashlib.sha256(name.encode()).hexdigest()[:8]}",
            study_date="20220412",
            size=size,
            seed=seed + 7,
            noise=noise,
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def add(name: str, one: Film, fate: str, why: str = "") -> None:
        path = folder / f"{word}-odd" / f"{word}-{name}" / f"{word}.dcm"
        write_film(path, one, canary=canary)
        written.append(Written(path, one, fate, why or name))

    for name, attributes in LATERAL_EVIDENCE.items():
        odd = film(name, kind="lateral", view="", attributes=attributes)
        add(name, odd, "set aside", "lateral")
    hand = {"BodyPartExamined": "HAND", "SeriesDescription": f"HAND {word}"}
    add("hand", film("hand", kind="hand", view="", attributes=hand), "set aside", "body part")
    add(
        "burned", film("burned", attributes={"BurnedInAnnotation": "YES"}), "set aside", "burned in"
    )
    add("page", film("page", kind="report page", view=""), "set aside", "report page")
    add("frames", film("frames", kind="frames"), "set aside", "frames")
    add("report", film("report", kind="report", view=""), "set aside", "no image")

    add("nopatient", film("nopatient", patient=""), "image")
    add("noview", film("noview", view=""), "image")
    add("noaccession", film("noaccession", accession=""), "image")
    for text, age in AGES.items():
        name = f"age{text or 'none'}"
        add(name, film(name, age_text=text, age=age), "image", "age")
    born = film("born", age_text="", birth_date="19291130", age=90)
    add("born", born, "image", "age")
    same = film("same")
    add("same", same, "image", "same uid")
    add("sameother", replace(same, seed=seed + 8), "image", "same uid")
    add("samecopy", same, "duplicate", "copy")
    return written


#: Attributes that say "lateral", each alone.
LATERAL_EVIDENCE: dict[str, dict[str, object]] = {
    "view": {"ViewPosition": "LATERAL"},
    "code": {"ViewCodeSequence": ("R-10236", "SNM3", "left lateral")},
    "orientation": {"PatientOrientation": ["A", "F"]},
    "series": {"SeriesDescription": "Thorax seitlich"},
}

#: Ages as they stand in files, and what they mean.
AGES: dict[str, int | None] = {
    "": None,
    "018M": 1,
    "006W": 0,
    "010D": 0,
    "62": 62,
    "093Y": 90,
    "999Y": None,
    "Y": None,
}


# One file


def write_film(path: Path, film: Film, *, canary: str | None = None) -> None:
    """Write a film as a DICOM file (PS3.10; without preamble and meta where the storage says so).

    The same film gives the same bytes with the same versions of the encoders.
    """
    data = make_dataset(film, canary=canary)
    path.parent.mkdir(parents=True, exist_ok=True)
    if film.storage.meta:
        data.save_as(path, enforce_file_format=True)
        return
    syntax = uid.UID(film.storage.syntax)
    del data.file_meta
    pydicom.dcmwrite(
        path, data, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian
    )


def make_dataset(film: Film, *, canary: str | None = None) -> Dataset:
    """Build the film's data set with file meta information, pixels included.

    Raises
    ------
    ValueError
        The pixels cannot be stored that way.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = film.storage.syntax
    data = Dataset()
    data.file_meta = meta
    data.preamble = (canary or "").encode().ljust(128, b"\0")
    _identity(data, film)
    if film.kind == "report":
        data.SOPClassUID = uid.BasicTextSRStorage
        data.Modality = "SR"
        meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    elif film.kind == "report page":
        _report_page(data, film)
        meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    else:
        _pixels(data, film)
    for keyword, value in film.attributes.items():
        if keyword.endswith("CodeSequence"):
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value  # type: ignore[misc]
            setattr(data, keyword, DicomSequence([code]))
        elif value is None:
            if keyword in data:
                delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    if canary:
        fill_with_canary(data, canary, spared=film.attributes, every=film.every_text)
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.ImplementationClassUID = make_uid("implementation", canary or "")
    if canary:
        meta.SourceApplicationEntityTitle = canary
        meta.ImplementationVersionName = canary
    return data


def _identity(data: Dataset, film: Film) -> None:
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID = film.storage.sop_class
    data.SOPInstanceUID = film.sop_uid
    data.StudyInstanceUID = film.study_uid
    data.SeriesInstanceUID = make_uid("series", film.study)
    data.StudyDate = data.SeriesDate = data.ContentDate = film.study_date
    data.StudyTime = film.study_time
    data.AccessionNumber = film.accession
    data.Modality = "DX" if film.storage.sop_class == DX else "CR"
    data.PatientName = f"{film.patient}^Given"
    data.PatientID = film.patient
    data.PatientBirthDate = film.birth_date
    data.PatientSex = film.sex
    # Archives hold ages that break VR AS ("62"): written as they stand there.
    data.add_new("PatientAge", "LO", film.age_text)
    data["PatientAge"].VR = "AS"
    data.BodyPartExamined = "CHEST"
    data.SeriesNumber = 1
    data.InstanceNumber = 1
    data.ViewPosition = film.view


def _pixels(data: Dataset, film: Film) -> None:
    storage = film.storage
    picture = _drawn(film)[0]
    stored, display = _store(picture, storage)
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = storage.photometric
    data.Rows, data.Columns = picture.shape
    data.BitsAllocated, data.BitsStored = storage.allocated, storage.stored
    data.HighBit = storage.stored - 1
    data.PixelRepresentation = int(storage.signed)
    data.ImagerPixelSpacing = list(film.spacing)
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    for keyword, value in display.items():
        setattr(data, keyword, value)
    if storage.shape:
        data.PresentationLUTShape = storage.shape
    cells = stored
    if film.kind == "frames":
        data.NumberOfFrames = 2
        cells = np.concatenate([stored, stored])
    _encode(data, cells, storage)


def _drawn(film: Film) -> tuple[Picture, tuple[DrawnBox, ...]]:
    draw = {"lateral": draw_lateral, "hand": draw_hand}.get(film.kind)
    if draw is not None:
        return draw(film.size, film.seed, noise=film.noise), ()
    return _drawn_chest(film.size, film.seed, film.findings, film.side, film.noise)


@functools.lru_cache(maxsize=64)
def _drawn_chest(
    size: tuple[int, int], seed: int, findings: tuple[str, ...], side: str, noise: float
) -> tuple[Picture, tuple[DrawnBox, ...]]:
    return draw_chest(size, seed, findings=findings, side=side, noise=noise)


def _lut(first: int, entries: NDArray[np.uint16], bits: int, explanation: str) -> Dataset:
    """One item of a LUT sequence (PS3.3 C.11.1.1); 65,536 entries are written as 0."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65_536, first, bits])
    item.LUTExplanation = explanation
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


def _padded(columns: int) -> int:
    return max(1, columns // 20)


def _store(picture: Picture, storage: Storage) -> tuple[NDArray[np.generic], dict[str, object]]:
    """Find the stored cells and the display attributes that together give the picture.

    Each case solves the standard's function for the stored value: PS3.3 C.11.2.1.2.1 (LINEAR),
    C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT), C.11.1 (LUTs).
    """
    y = picture.astype(np.float64)
    if (storage.photometric == "MONOCHROME1") or storage.shape == "INVERSE":
        y = 1 - y
    bits, display = storage.stored, {}
    lowest = -(1 << (bits - 1)) if storage.signed else 0
    highest = lowest + (1 << bits) - 1
    span = highest - lowest
    if storage.display == "none" and storage.stored <= 8:
        values = np.floor(y * 255 + 0.5)
    elif storage.display == "none":
        values = np.rint(lowest + span * (0.1 + 0.7 * y))
        if storage.padding:
            values[:, : _padded(picture.shape[1])] = highest
            display["PixelPaddingValue"] = highest
    elif storage.display == "LUT":
        # The stored value's square is the picture: a look-up table no window can stand for.
        values = np.rint(span * np.sqrt(y))
        curve = (np.arange(span + 1) / span) ** 2 * 65_535
        lut = _lut(0, np.rint(curve).astype(np.uint16), 16, "NORMAL")
        display["VOILUTSequence"] = DicomSequence([lut])
    else:
        # In modality units the window lies inside what can be stored, so that some is cut off.
        low = (lowest + 0.15 * span) * storage.slope + storage.intercept
        high = (lowest + 0.85 * span) * storage.slope + storage.intercept
        if storage.modality_lut:
            # The table stretches stored values to 16 bits, bent like a film's curve.
            table = np.rint(((np.arange(span + 1) / span) ** 0.5) * 60_000)
            item = _lut(0, table.astype(np.uint16), 16, "")
            item.ModalityLUTType = "US"
            display["ModalityLUTSequence"] = DicomSequence([item])
            low, high = 12_000.0, 55_000.0
        centre, width = (low + high) / 2, high - low
        display["VOILUTFunction"] = storage.display
        if storage.display == "LINEAR":
            del display["VOILUTFunction"]  # the default
            units = low + y * width
            centre, width = centre + 0.5, width + 1
        elif storage.display == "LINEAR_EXACT":
            units = low + y * width
        elif storage.display == "SIGMOID":
            width /= 2  # a steep middle, so that 0.002 and 0.998 lie inside what can be stored
            inside = np.clip(y, 0.002, 0.998)
            units = centre - width / 4 * np.log(1 / inside - 1)
        else:
            raise ValueError(f"no storage displays by {storage.display}")
        if storage.modality_lut:
            values = np.searchsorted(table, units)
        else:
            values = np.rint((units - storage.intercept) / storage.slope)
            if storage.slope != 1 or storage.intercept:
                display["RescaleSlope"] = f"{storage.slope:g}"
                display["RescaleIntercept"] = f"{storage.intercept:g}"
                display["RescaleType"] = "US"
        centres, widths = [f"{centre:.10g}"], [f"{width:.10g}"]
        if storage.windows > 1:
            centres.append(f"{centre + width:.10g}")
            widths.append(f"{width / 8:.10g}")
            display["WindowCenterWidthExplanation"] = ["NORMAL", "BONE"]
        display["WindowCenter"], display["WindowWidth"] = centres, widths
    values = np.clip(values, lowest, highest).astype(np.int64)
    kind = {8: np.uint8, 16: np.uint16}[storage.allocated]
    cells = (values & ((1 << storage.allocated) - 1)).astype(kind)
    if storage.high_bits:
        # Old consoles kept an overlay in the bits above BitsStored.
        cells[::7, ::3] |= kind((0xFFFF << bits) & 0xFFFF)
    if storage.signed:
        cells = cells.view({8: np.int8, 16: np.int16}[storage.allocated])
    return cells, display


def _encode(data: Dataset, cells: NDArray[np.generic], storage: Storage) -> None:
    syntax = uid.UID(storage.syntax)
    if not syntax.is_compressed or syntax == uid.DeflatedExplicitVRLittleEndian:
        order = cells if syntax.is_little_endian else cells.byteswap()
        raw = order.tobytes()
        data.add_new(
            "PixelData", "OW" if storage.allocated > 8 else "OB", raw + b"\0" * (len(raw) % 2)
        )
    elif syntax == uid.JPEGBaseline8Bit:
        buffer = io.BytesIO()
        Image.fromarray(cells).save(buffer, "JPEG", quality=92)
        _encapsulate(data, buffer.getvalue())
        data.LossyImageCompression = "01"
    elif storage in _WITH_IMAGECODECS:
        import imagecodecs

        lossless = syntax != uid.JPEGExtended12Bit
        how = {"lossless": True, "predictor": 1} if lossless else {"level": 95}
        _encapsulate(data, imagecodecs.jpeg8_encode(cells, bitspersample=storage.stored, **how))
    elif syntax in _GDCM_SYNTAXES:
        _encode_with_gdcm(data, cells, syntax)
    else:
        data.compress(syntax, cells, generate_instance_uid=False)


_GDCM_SYNTAXES = {
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def _encode_with_gdcm(data: Dataset, cells: NDArray[np.generic], syntax: uid.UID) -> None:
    """Encode by way of a file: gdcm takes and gives files, and of that one only the pixels."""
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    plain.SOPClassUID, plain.SOPInstanceUID = SECONDARY_CAPTURE, make_uid("pixels")
    for keyword in (
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
    ):
        setattr(plain, keyword, data[keyword].value)
    plain.add_new("PixelData", "OW", cells.tobytes())
    handle, name = tempfile.mkstemp(suffix=".dcm")
    os.close(handle)
    try:
        plain.save_as(name, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(name)
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(_GDCM_SYNTAXES[syntax]))
        if not reader.Read():
            raise ValueError("gdcm cannot read the pixels to be encoded")
        change.SetInput(reader.GetImage())
        if not change.Change():
            raise ValueError(f"gdcm cannot encode {syntax.name}")
        writer = gdcm.ImageWriter()
        writer.SetFileName(name)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        if not writer.Write():
            raise ValueError(f"gdcm cannot write {syntax.name}")
        encoded = pydicom.dcmread(name)
    finally:
        Path(name).unlink()
    data.PixelData = encoded.PixelData
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True


def _encapsulate(data: Dataset, stream: bytes) -> None:
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True


def _report_page(data: Dataset, film: Film) -> None:
    """A page of text in colour, as dose reports and scanned requests are stored."""
    rows, columns = film.size
    page = np.full((rows, columns, 3), 255, np.uint8)
    page[rows // 10 :: 8, columns // 8 : -columns // 8] = (20, 20, 120)
    data.SOPClassUID = SECONDARY_CAPTURE
    data.Modality, data.ConversionType = "OT", "WSD"
    data.SamplesPerPixel, data.PhotometricInterpretation = 3, "RGB"
    data.PlanarConfiguration = 0
    data.Rows, data.Columns = rows, columns
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    raw = page.tobytes()
    data.add_new("PixelData", "OB", raw + b"\0" * (len(raw) % 2))


# What another reader makes of a file


def shown_by_pydicom(path: Path, storage: Storage) -> NDArray[np.uint8]:
    """Return the grey levels that pydicom's functions give, scaled from the range they put out."""
    data = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in getattr(data, "file_meta", {}):
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    if storage in _WITH_IMAGECODECS:
        # pydicom's plugins refuse 12-bit precision.
        import imagecodecs

        stored = imagecodecs.jpeg8_decode(next(generate_frames(data.PixelData, number_of_frames=1)))
    else:
        stored = data.pixel_array
    bits = storage.stored
    if storage.high_bits:
        stored = stored & ((1 << bits) - 1)
    units = apply_modality_lut(stored, data)
    if storage.display == "none":
        if bits == 8:
            y = stored / 255
        else:
            inner = stored[stored != data.get("PixelPaddingValue", -1)]
            low, high = np.percentile(inner, [0.5, 99.5])
            y = (stored - low) / (high - low)
    else:
        values = apply_voi_lut(units, data).astype(float)
        if storage.display == "LUT" or storage.modality_lut:
            lowest, highest = 0, 2**16 - 1
        else:
            lowest = -(1 << (bits - 1)) if storage.signed else 0
            highest = lowest + (1 << bits) - 1
            lowest = lowest * storage.slope + storage.intercept
            highest = highest * storage.slope + storage.intercept
        y = (values - lowest) / (highest - lowest)
    y = np.clip(y, 0, 1)
    dark = storage.photometric == "MONOCHROME1" or storage.shape == "INVERSE"
    return np.floor(255 * (1 - y if dark else y) + 0.5).astype(np.uint8)


# The canary

#: What stands in place of the canary where only digits may stand: a number, a UID, dates, a time.
CANARY_NUMBERS = ("877041977", "1.2.3.8770419778770419", "18770419", "1877-04-19", "041937.877041")

_CANARY_BY_VR: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("SH", "LO", "ST", "LT", "UT", "UC", "CS", "AE"), lambda canary: canary),
    "PN": lambda canary: f"{canary}^{canary}=漢^{canary}",
    "UR": lambda canary: f"http://{canary}.invalid/{canary}",
    "UI": lambda canary: CANARY_NUMBERS[1],
    "DA": lambda canary: CANARY_NUMBERS[2],
    "TM": lambda canary: CANARY_NUMBERS[4],
    "DT": lambda canary: f"{CANARY_NUMBERS[2]}{CANARY_NUMBERS[4]}",
    "IS": lambda canary: CANARY_NUMBERS[0],
    "DS": lambda canary: CANARY_NUMBERS[0],
}

# What a film says on purpose: the canary would change which film it is.
_MEANT = frozenset(
    """
    SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID
    PatientID AccessionNumber StudyDate StudyTime PatientBirthDate PatientSex PatientAge Modality
    ViewPosition BodyPartExamined PatientOrientation BurnedInAnnotation PresentationLUTShape
    ImageType InstanceNumber SeriesNumber SeriesDescription PixelDataProviderURL
    """.split()
)


#: Who, where and when: the groups of identification, patient, relationship, study and procedure.
_WHO_AND_WHEN = frozenset({0x0008, 0x0010, 0x0020, 0x0032, 0x0038, 0x0040})


@functools.cache
def canary_attributes(*, every: bool = True) -> tuple[tuple[int, str], ...]:
    """Every text attribute of the dictionary (tag and VR) that may hold a canary.

    Or those of `_WHO_AND_WHEN` alone, which are quicker to write and to read.

    Not the pixel module's own numbers and codes (group 0028), which would change the picture, nor
    the groups of commands, file meta information and directories.
    """
    found = []
    for number, (vr, _, _, retired, keyword) in DicomDictionary.items():
        group = number >> 16
        if retired or not keyword or vr not in _CANARY_BY_VR or group in (0x0000, 0x0002, 0x0004):
            continue
        if group == 0x0028 and vr not in ("SH", "LO", "ST", "LT", "UT"):
            continue
        if keyword not in _MEANT and (every or group in _WHO_AND_WHEN):
            found.append((number, vr))
    return tuple(found)


def fill_with_canary(
    data: Dataset, canary: str, *, spared: Iterable[str] = (), every: bool = True
) -> None:
    """Put the canary into every text attribute, into sequences, private elements and raw bytes.

    What the film says on purpose (its view, sex, window …) stays as it is, and so does ``spared``;
    `CANARY_NUMBERS` stand where only digits may.
    """
    if len(canary) > 10 or not canary.isalnum() or canary != canary.upper():
        raise ValueError("a canary is up to 10 capital letters and digits, which any VR can hold")
    kept = {Tag(keyword) for keyword in spared}
    for number, vr in canary_attributes(every=every):
        if Tag(number) not in kept:
            data.add_new(number, vr, _CANARY_BY_VR[vr](canary))
    if "SeriesDescription" not in spared:
        data.SeriesDescription = canary
    item = Dataset()
    for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"):
        setattr(item, keyword, canary)
    for keyword in ("ProcedureCodeSequence", "ReasonForRequestedProcedureCodeSequence"):
        setattr(data, keyword, DicomSequence([item]))
    request = Dataset()
    request.ScheduledProcedureStepDescription = canary
    request.RequestedProcedureID = canary
    request.AccessionNumber = canary
    data.RequestAttributesSequence = DicomSequence([request])
    block = data.private_block(0x0009, f"{canary} PRIVATE", create=True)
    block.add_new(0x01, "LO", canary)
    block.add_new(0x02, "UN", canary.encode().ljust(16))
    block.add_new(0x03, "OB", canary.encode().ljust(16))
    data.EncapsulatedDocument = canary.encode().ljust(16)


def canary_oddities(
    folder: Path, canary: str, *, size: tuple[int, int] = (80, 64), seed: int = 0
) -> list[Written]:
    """Films whose meant attributes hold the canary too: one each, so that one says one thing.

    What becomes of them is open (``fate`` is ``open``): an odd sex is dropped, an odd photometric
    interpretation a fault. What matters is that no message repeats the value.
    """
    written = []
    for keyword in (
        "PatientSex",
        "PatientAge",
        "Modality",
        "ViewPosition",
        "BodyPartExamined",
        "PatientOrientation",
        "BurnedInAnnotation",
        "PresentationLUTShape",
        "ImageType",
        "StudyDate",
        "StudyTime",
        "PatientBirthDate",
        "PhotometricInterpretation",
        "VOILUTFunction",
        "WindowCenter",
        "WindowWidth",
        "RescaleSlope",
        "RescaleIntercept",
        "PixelSpacing",
        "ImagerPixelSpacing",
        "NumberOfFrames",
        "SeriesNumber",
        "InstanceNumber",
        "SpecificCharacterSet",
        "StudyInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "LossyImageCompression",
    ):
        film = Film(
            patient=f"{canary}-C-{keyword}",
            study=f"{canary}-C-{keyword}",
            instance=f"{canary}-C-{keyword}",
            accession=f"{canary}{len(written):02d}",
            study_date="20230517",
            size=size,
            seed=seed,
        )
        path = folder / f"{canary}-meant" / f"{canary}-{keyword}.dcm"
        data = make_dataset(film, canary=canary)
        raw = canary.encode().ljust(len(canary) + len(canary) % 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_with_raw(data, Tag(keyword), raw))
        written.append(Written(path, film, "open", keyword))
    return written


def _with_raw(data: Dataset, tag: BaseTag, raw: bytes) -> bytes:
    """The file's bytes with that element's value as raw bytes, which pydicom may refuse to write."""
    vr = str(data[tag].VR) if tag in data else dictionary_VR(tag)
    before, after = data[:tag], data[tag + 1 :]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    before.file_meta, before.preamble = data.file_meta, data.preamble
    before.save_as(buffer, enforce_file_format=True)
    buffer.write(struct.pack("<HH2sH", tag.group, tag.element, vr.encode(), len(raw)) + raw)
    write_dataset(buffer, after, parent_encoding="utf_8")
    return buffer.getvalue()


# Files that cannot be read


def make_faults(
    folder: Path, *, size: tuple[int, int] = (160, 130), seed: int = 0, canary: str | None = None
) -> list[Written]:
    """Write files that cannot be read, one of each kind (``why`` names it)."""
    word = canary or "HOSP"
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Written] = []

    def add(name: str, content: bytes) -> None:
        path = folder / f"{word}-{name}.dcm"
        path.write_bytes(content)
        written.append(Written(path, None, "fault", name))

    def film(name: str, storage: str = "window", **attributes: object) -> Film:
        return Film(
            patient=f"{word}-F{seed}-{name}",
            study=f"{word}-F{seed}-{name}",
            instance=f"{word}-F{seed}-{name}",
            accession=f"{word[:6]}F{hashlib.sha256(name.encode()).hexdigest()[:8]}",
            study_date="20230210",
            storage=STORAGES[storage],
            size=size,
            seed=seed,
            attributes=attributes,
        )

    def content(one: Film) -> bytes:
        buffer = io.BytesIO()
        make_dataset(one, canary=canary).save_as(buffer, enforce_file_format=True)
        return buffer.getvalue()

    add("empty", b"")
    add("text", f"{word}: a letter that somebody named .dcm\n".encode() * 20)
    add("zeros", bytes(4096))
    add("picture", _jpeg_picture())
    whole = content(film("cut"))
    add("cut-pixels", whole[: len(whole) - size[0] * size[1]])
    add("cut-header", whole[:300])
    add("cut-preamble", whole[:100])
    for name in ("jpeg_lossless", "jpeg_2000", "jpeg_ls", "rle", "jpeg_baseline"):
        whole = content(film(f"cut-{name}", name))
        add(f"cut-{name}", whole[: len(whole) - 2000])
        # The fragment's length stands, its content does not.
        add(f"noise-{name}", whole[:-2000] + _noise_bytes(2000, seed))
    add("no-pixels", content(film("no-pixels", PixelData=None)))
    add("empty-pixels", content(film("empty-pixels", PixelData=b"")))
    add("no-rows", content(film("no-rows", Rows=0)))
    add("huge", huge_header(word))
    odd = make_dataset(film("syntax"), canary=canary)
    odd.file_meta.TransferSyntaxUID = uid.UID("1.2.840.10008.1.2.4.100")  # MPEG-2, a video
    odd.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(64)])
    odd["PixelData"].VR, odd["PixelData"].is_undefined_length = "OB", True
    buffer = io.BytesIO()
    odd.save_as(buffer, enforce_file_format=True)
    add("video", buffer.getvalue())
    return written


def huge_header(word: str = "HOSP", *, side: int = 20_000) -> bytes:
    """A header that claims ``side`` × ``side`` pixels, and no pixels."""
    film = Film(
        f"{word}-huge", f"{word}-huge", f"{word}-huge", f"{word}9", "20230211", size=(16, 16)
    )
    data = make_dataset(film)
    data.Rows = data.Columns = side
    data.PixelData = b""
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _jpeg_picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (64, 48), 90).save(buffer, "JPEG")
    return buffer.getvalue()


def _noise_bytes(number: int, seed: int) -> bytes:
    # No 0xFF: it would look like a marker and end the damage early.
    return np.random.default_rng(seed).integers(0, 255, number, np.uint8).tobytes()
