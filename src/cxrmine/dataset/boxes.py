"""Bounding boxes of findings: read from the forms people have, carried into the set, written.

Two forms are read. NIH's ``BBox_List_2017.csv`` has a box a row (upper left corner, width and
height, in pixels of the 1024×1024 images). The files that the radiologist of ChestX-ray8 drew are
XML (Wang et al. 2017, section 2.3: every instance in a file of its own); that form is Pascal
VOC's, as LabelImg and other drawing programs write it, in pixels of the image that was shown.

Nothing is dropped in silence: what cannot be used is returned as a `BoxProblem`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol
from xml.etree.ElementTree import Element

from cxrmine.dataset.csv_rows import csv_rows
from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.evaluation.findings import FINDINGS_14, key
from cxrmine.tables import TableError, atomic_writer, format_row

#: The header line of NIH's ``BBox_List_2017.csv``: nine cells above rows of six.
HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
#: The same for boxes that somebody predicted: a score a box.
SCORED_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],score"
#: How tables of boxes are called in messages.
_TABLE = "the box table"

# ChestX-ray14's findings by how people spell them. The box list says Infiltrate where the label
# table says Infiltration.
_FINDINGS = {**{key(name): name for name in FINDINGS_14}, "infiltrate": "Infiltration"}
# Names of columns; the brackets of NIH's header are taken off first.
_COLUMNS = {
    "image index": "image",
    "image": "image",
    "filename": "image",
    "finding label": "finding",
    "finding labels": "finding",
    "finding": "finding",
    "label": "finding",
    "bbox x": "x",
    "x": "x",
    "y": "y",
    "w": "width",
    "width": "width",
    "h": "height",
    "height": "height",
    "score": "score",
}
_NEEDED = ("image", "finding", "x", "y", "width", "height")
#: Problems of one XML file that are told one by one.
_MOST_PROBLEMS = 100
_MORE_PROBLEMS = "more boxes of the file that cannot be used"
#: XML files above this are not parsed, in bytes; a box takes some 250 of them.
_MOST_XML = 2**25
_SAME = 1e-9  # pixels
_LEFT_OUT = "the box's image was set aside or failed"
_SHARED = "the box's image is named as several files are"
_UNKNOWN = "no image of the box's name is in the set"
_SUFFIXES = frozenset(".png .jpg .jpeg .dcm .dicom .dic .ima .tif .tiff .bmp .gif".split())


@dataclass(frozen=True, slots=True)
class RawBox:
    """A box as its source gives it.

    Parameters
    ----------
    image : str
        The image as the source names it. Private until it is an Image Index.
    finding : str
        In ChestX-ray14's spelling where it is one of the 14, else as the source has it.
    x, y, width, height : float
        Upper left corner and extent, in pixels of `frame`.
    score : float, optional
        How sure a predicted box is; None for drawn ones.
    frame : tuple of int, optional
        Width and height of the image that the pixels are counted in; None means the original.
    number : int
        Line of the table, or the place of the XML file in the folder, from 1.
    path : Path, optional
        The XML file. Private.
    """

    image: str
    finding: str
    x: float
    y: float
    width: float
    height: float
    score: float | None = None
    frame: tuple[int, int] | None = None
    number: int = 0
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class BoxProblem:
    """A box that is odd.

    Parameters
    ----------
    cause : str
        In words of our own; no name, no cell.
    number : int
        Line of the table, or the place of the XML file in the folder, from 1.
    kept : bool
        Whether the box is in the set all the same (clipped to the image).
    path : Path, optional
        The XML file. Private: for the crosswalk alone.
    """

    cause: str
    number: int
    kept: bool = False
    path: Path | None = None


class Placement(Protocol):
    """What became of an original's pixels in the set's image: `cxrmine.images.resize.Placement`."""

    def carry(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float] | None:
        """Return a box of the original in pixels of the set's image, None if nothing is left."""


@dataclass(frozen=True, slots=True)
class BoxTarget:
    """An image of the set that boxes can belong to.

    Parameters
    ----------
    image_index : str
        Its name in the set.
    width, height : int
        Of the original, in pixels.
    placement : Placement
        Where the original's pixels went.
    """

    image_index: str
    width: int
    height: int
    placement: Placement


def finding_name(text: str) -> str:
    """Return a finding's name in ChestX-ray14's spelling where it is one of the 14.

    >>> finding_name("Infiltrate"), finding_name("pleural thickening"), finding_name(" Cyst ")
    ('Infiltration', 'Pleural_Thickening', 'Cyst')
    """
    name = text.strip()
    return _FINDINGS.get(key(name), name)


def read_boxes(
    path: Path, *, frame: tuple[int, int] | None = None
) -> tuple[list[RawBox], list[BoxProblem]]:
    """Read boxes in either form: a ``.csv`` (``.csv.gz``), an ``.xml`` or a folder of them.

    Parameters
    ----------
    path : Path
        The file or folder.
    frame : tuple of int, optional
        Width and height of the image that a table's pixels are counted in; by default the
        original's. XML files that state a size are counted in that.

    Raises
    ------
    UserError
        If there is no such file or folder, or it cannot hold boxes.
    """
    if not path.exists():
        raise UserError("the boxes' file or folder does not exist; check the path.")
    if path.is_dir() or path.suffix.lower() == ".xml":
        return read_box_xml(path, frame=frame)
    return read_box_list(path, frame=frame)


def read_box_list(
    path: Path, *, frame: tuple[int, int] | None = None, name: str = _TABLE
) -> tuple[list[RawBox], list[BoxProblem]]:
    """Read a table in ``BBox_List_2017.csv``'s columns, with or without a `score`.

    Columns are found by name. The blank cells at the end of NIH's header may be missing, and
    tables that pandas saved again, whose rows have these cells too, are read as well.

    Returns
    -------
    tuple
        The sound boxes in the table's order, and what is wrong with the others.

    Raises
    ------
    TableError
        If the table is missing, broken, or lacks a column.
    """
    lines = csv_rows(path, name)
    _, header = next(lines)
    wide = _places(header, name)
    # NIH's rows do without the blank cells that its header ends in, and a column behind those
    # then stands where they are named.
    narrow = _places([cell for cell in header if cell.strip()], name)
    boxes: list[RawBox] = []
    problems: list[BoxProblem] = []
    for line, cells in lines:
        place = wide if len(cells) == len(header) else narrow
        if len(cells) < 6 or len(cells) > len(header):
            problems.append(BoxProblem("too many or too few cells in the row", line))
            continue
        image, finding, *texts = (cells[place[column]] for column in _NEEDED)
        at = place.get("score")
        score = cells[at] if at is not None and at < len(cells) else ""
        box = _raw_box(image, finding, texts, score, frame, line)
        if isinstance(box, RawBox):
            boxes.append(box)
        else:
            problems.append(box)
    return boxes, problems


def _places(header: Sequence[str], name: str) -> dict[str, int]:
    place: dict[str, int] = {}
    for index, cell in enumerate(header):
        text = cell.replace("[", " ").replace("]", " ").replace("_", " ")
        column = _COLUMNS.get(" ".join(text.split()).casefold())
        if column is not None:
            if column in place:
                raise TableError(f"{name}: the header names the {column} twice.")
            place[column] = index
    for column in _NEEDED:
        if column not in place:
            raise TableError(
                f"{name} has no column for the {column}; its header must be that of NIH's "
                f"BBox_List_2017.csv: {HEADER}"
            )
    return place


def _raw_box(
    image: str,
    finding: str,
    texts: Sequence[str],
    score: str,
    frame: tuple[int, int] | None,
    number: int,
    path: Path | None = None,
) -> RawBox | BoxProblem:
    """Check a box's parts; `texts` are x, y, width and height."""
    if not image.strip():
        return BoxProblem("no image named", number, path=path)
    if not finding.strip():
        return BoxProblem("no finding named", number, path=path)
    try:
        x, y, width, height = (float(text) for text in texts)
        points = float(score) if score.strip() else None
    except ValueError:
        return BoxProblem("a coordinate or the score is not a number", number, path=path)
    if not all(map(math.isfinite, (x, y, width, height, points or 0.0))):
        return BoxProblem("a coordinate or the score is not a finite number", number, path=path)
    if width <= 0 or height <= 0:
        return BoxProblem("the width or height is not above 0", number, path=path)
    name = finding_name(finding)
    return RawBox(image.strip(), name, x, y, width, height, points, frame, number, path)


def read_box_xml(
    path: Path, *, frame: tuple[int, int] | None = None
) -> tuple[list[RawBox], list[BoxProblem]]:
    """Read Pascal VOC's XML: a file, or all ``*.xml`` below a folder in the order of their names.

    A file is an ``annotation`` (or has several directly under its root), that one ``filename`` and
    any number of ``object``, each with a ``name`` and a ``bndbox`` of ``xmin``, ``ymin``, ``xmax`` and
    ``ymax``. The width is ``xmax`` − ``xmin``: drawing programs write the corners, not the last
    pixel inside. Where no image is named, the file's own name without ``.xml`` is taken. Where
    ``size`` is stated, the pixels are counted in that.

    Parameters
    ----------
    path : Path
        The file or folder.
    frame : tuple of int, optional
        Width and height of the image that pixels are counted in where a file states no size; by
        default the original's.

    Raises
    ------
    UserError
        If a folder holds no XML file. A file that is no such XML is a problem, not an error.
    """
    if path.is_dir():
        files = sorted(
            (file for file in path.rglob("*") if file.suffix.lower() == ".xml" and file.is_file()),
            key=lambda file: file.relative_to(path).as_posix(),
        )
        if not files:
            raise UserError("the folder of boxes holds no .xml file; check the path.")
    else:
        files = [path]
    boxes: list[RawBox] = []
    problems: list[BoxProblem] = []
    for number, file in enumerate(files, start=1):
        found = _read_one(file, number, frame)
        boxes += (box for box in found if isinstance(box, RawBox))
        problems += (box for box in found if isinstance(box, BoxProblem))
    return boxes, problems


def _read_one(file: Path, number: int, frame: tuple[int, int] | None) -> list[RawBox | BoxProblem]:
    # Training reads data sets where there is no defusedxml.
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse

    try:
        if file.stat().st_size > _MOST_XML:
            return [BoxProblem("a larger XML file than boxes need", number, path=file)]
        root: Element | None = parse(file, forbid_dtd=True).getroot()
    except ParseError:
        return [BoxProblem("not well-formed XML", number, path=file)]
    except DefusedXmlException:
        return [BoxProblem("XML with a document type or entities", number, path=file)]
    except (OSError, ValueError, LookupError):  # unreadable, or an encoding nobody knows
        return [BoxProblem("an unreadable XML file", number, path=file)]
    found: list[RawBox | BoxProblem] = []
    problems = 0
    for box in _boxes(root, file, number, frame):
        problems += isinstance(box, BoxProblem)
        if problems > _MOST_PROBLEMS:
            found.append(BoxProblem(_MORE_PROBLEMS, number, path=file))
            break
        found.append(box)
    if not found:
        found.append(BoxProblem("XML without any box of Pascal VOC's form", number, path=file))
    return found


def _boxes(
    root: Element | None, file: Path, number: int, frame: tuple[int, int] | None
) -> Iterator[RawBox | BoxProblem]:
    """Yield what a file's annotations hold.

    Only their own children count: an annotation or object within another is not Pascal VOC's,
    and to look for them at every depth would take the square of the file's size.
    """
    if root is None:
        return
    for annotation in [root] if root.tag == "annotation" else root.findall("annotation"):
        image = _image(annotation) or file.stem
        stated = _size(annotation) or frame
        for thing in annotation.findall("object"):
            edges = [_text(thing, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")]
            try:
                left, top, right, bottom = map(float, edges)
            except ValueError:
                yield BoxProblem("a coordinate is missing or no number", number, path=file)
                continue
            extent = [repr(value) for value in (left, top, right - left, bottom - top)]
            finding = _text(thing, "name")
            yield _raw_box(image, finding, extent, "", stated, number, file)


def _image(annotation: Element) -> str:
    """Return the image's name with as many folders as the annotation tells."""
    name, path = _text(annotation, "filename"), _text(annotation, "path")
    if not name or path.replace("\\", "/").endswith(f"/{name}"):
        return path or name
    folder = _text(annotation, "folder")
    return f"{folder}/{name}" if folder else name


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _size(annotation: Element) -> tuple[int, int] | None:
    try:
        width = float(_text(annotation, "size/width"))
        height = float(_text(annotation, "size/height"))
    except ValueError:
        return None
    # Programs that do not know the size write 0.
    if not (1 <= width <= 10**6 and 1 <= height <= 10**6):  # NaN too
        return None
    return round(width), round(height)


def _names(text: str) -> list[str]:
    """Return what an image can be called, the longest name first, all without image suffix.

    >>> _names("C:\\\\work\\\\CR0001.dcm"), _names("1.2.84")
    (['C:/work/CR0001', 'work/CR0001', 'CR0001'], ['1.2.84'])
    """
    folders, _, name = text.strip().replace("\\", "/").rstrip("/").rpartition("/")
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in _SUFFIXES:
        name = name[: -len(suffix)]
    parts = [part for part in folders.split("/") if part not in ("", ".")]
    return ["/".join([*parts[index:], name]) for index in range(len(parts) + 1)] if name else []


def box_targets(
    pairs: Iterable[tuple[str, BoxTarget | None]],
) -> dict[str, BoxTarget | str]:
    """Gather the names by which boxes can name the images of the set.

    Parameters
    ----------
    pairs
        A name (a file's, with or without folders and suffix, a UID, an accession number, an Image
        Index) and the image that it stands for, None for a file that is not in the set: without
        these, a box drawn on ``b/IM0001`` that was set aside would land on ``a/IM0001``. An image
        may have several names, and a name may come several times.

    Returns
    -------
    dict
        For `carry_boxes`: the image, or why the name stands for none.
    """
    targets: dict[str, BoxTarget | str] = {}
    for text, target in pairs:
        found: BoxTarget | str = _LEFT_OUT if target is None else target
        for name in _names(text):
            if _index(targets.setdefault(name, found)) != _index(found):
                targets[name] = _SHARED
    return targets


def _index(target: BoxTarget | str) -> str:
    return target if isinstance(target, str) else target.image_index


def carry_boxes(
    raw: Iterable[RawBox], targets: Mapping[str, BoxTarget | str]
) -> tuple[list[Box], list[BoxProblem]]:
    """Carry boxes from their own pixels into those of the set's images.

    A box's image is found by as many of its folders as are known: ``b/IM0001`` before ``IM0001``.

    Parameters
    ----------
    raw
        As they were read.
    targets
        From `box_targets`.

    Returns
    -------
    tuple
        The boxes, in order of Image Index and then as they came, clipped to the image; and what
        is odd: an image that is not in the set, a name that several files share, a box outside
        its image or outside what ``--fit crop`` left of it, a box that came before, and (these
        are `kept`) boxes that reached more than a pixel over the image's edge.
    """
    boxes: dict[Box, None] = {}
    problems: list[BoxProblem] = []
    for box in raw:
        target = next((targets[name] for name in _names(box.image) if name in targets), _UNKNOWN)
        found = target if isinstance(target, str) else _carry(box, target)
        if isinstance(found, str):
            problems.append(BoxProblem(found, box.number, path=box.path))
            continue
        carried, clipped = found
        if carried in boxes:
            problems.append(BoxProblem("the same box stands twice", box.number, path=box.path))
            continue
        boxes[carried] = None
        if clipped:
            cause = "the box reached over the image's edge: clipped"
            problems.append(BoxProblem(cause, box.number, kept=True, path=box.path))
    return sorted(boxes, key=lambda box: box.image_index), problems


def _carry(box: RawBox, target: BoxTarget) -> tuple[Box, bool] | str:
    """Return the box in the set's pixels and whether it was clipped, or why there is none."""
    frame_width, frame_height = box.frame or (target.width, target.height)
    right, bottom = box.x + box.width, box.y + box.height
    if right <= 0 or bottom <= 0 or box.x >= frame_width or box.y >= frame_height:
        return "the box lies outside its image"
    over = max(-box.x, -box.y, right - frame_width, bottom - frame_height)
    # Clipped here and not by the placement alone: padding would leave room for what lies outside
    # the image.
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    width, height = min(right, frame_width) - left, min(bottom, frame_height) - top
    if over <= 0:
        width, height = box.width, box.height  # without the rounding of there and back
    scale_x, scale_y = target.width / frame_width, target.height / frame_height
    carried = target.placement.carry(
        left * scale_x, top * scale_y, width * scale_x, height * scale_y
    )
    if carried is None:
        return "the box lies outside what --fit crop left of its image"
    own = (left, top, width, height)
    # Where the image was not resampled its boxes keep their digits: the corner of a box and back
    # to its extent is not exact.
    if all(abs(new - old) < _SAME for new, old in zip(carried, own, strict=True)):
        carried = own
    return Box(target.image_index, box.finding, *carried), over > 1


def write_box_list(
    path: Path, boxes: Sequence[Box], *, scores: Sequence[float] | None = None
) -> int:
    """Write ``BBox_List.csv`` with NIH's header, byte for byte, and its six columns.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    boxes
        In the order in which they shall stand.
    scores
        One a box, for predicted boxes: a seventh column, `score`.

    Returns
    -------
    int
        The number of boxes.
    """
    with atomic_writer(path) as handle:
        handle.write((HEADER if scores is None else SCORED_HEADER) + "\n")
        for index, box in enumerate(boxes):
            extent = map(decimal, (box.x, box.y, box.width, box.height))
            score = () if scores is None else (float(scores[index]),)
            handle.write(format_row((box.image_index, box.finding, *extent, *score)))
    return len(boxes)


def decimal(value: float) -> int | float:
    """Return a coordinate as it is written: 15 significant digits, as NIH's list has them."""
    rounded = float(f"{value:.15g}")
    return int(rounded) if rounded.is_integer() else rounded


def as_boxes(raw: Iterable[RawBox]) -> list[Box]:
    """Return boxes that already name Image Indexes and count in the set's pixels."""
    return [Box(box.image, box.finding, box.x, box.y, box.width, box.height) for box in raw]
