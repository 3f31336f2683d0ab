"""Boxes from NIH's table and from XML, carried into the set's pixels; bad ones are listed."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cxrmine.dataset.boxes
from cxrmine.dataset.boxes import (
    HEADER,
    BoxProblem,
    BoxTarget,
    RawBox,
    as_boxes,
    box_targets,
    carry_boxes,
    read_box_list,
    read_box_xml,
    read_boxes,
    write_box_list,
)
from cxrmine.dataset.model import Box
from cxrmine.errors import UserError
from cxrmine.tables import TableError

SECRET = "DOE-JANE"


class Affine:
    """A placement: output = input · scale + offset, clipped to a square."""

    def __init__(self, sx: float, sy: float, ox: float = 0, oy: float = 0, size: int = 1024):
        self.sx, self.sy, self.ox, self.oy, self.size = sx, sy, ox, oy, size

    def carry(
        self, x: float, y: float, width: float, height: float
    ) -> tuple[float, float, float, float] | None:
        left, right = (max(0.0, min(self.size, v * self.sx + self.ox)) for v in (x, x + width))
        top, bottom = (max(0.0, min(self.size, v * self.sy + self.oy)) for v in (y, y + height))
        if right <= left or bottom <= top:
            return None
        return left, top, right - left, bottom - top


def target(index: str, width: int = 1024, height: int = 1024, **kwargs: float) -> BoxTarget:
    placement = Affine(1024 / width, 1024 / height, **kwargs)
    return BoxTarget(index, width, height, placement)


def voc(image: str, *objects: tuple[str, float, float, float, float], size: str = "") -> str:
    things = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{x0}</xmin>"
        f"<ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, x0, y0, x1, y1 in objects
    )
    return f"<annotation>{image}{size}{things}</annotation>"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_docstrings_examples_hold():
    result = doctest.testmod(cxrmine.dataset.boxes)
    assert result.attempted >= 2
    assert result.failed == 0


def test_nihs_form_is_read_and_written(tmp_path: Path):
    text = HEADER + "\na.png,Infiltrate,1.5,2,30,40.25\nb.png,Pleural Thickening,0,0,1024,1024\n"
    raw, problems = read_box_list(write(tmp_path / "b.csv", text), frame=(1024, 1024))
    assert problems == []
    assert raw == [
        RawBox("a.png", "Infiltration", 1.5, 2, 30, 40.25, None, (1024, 1024), 2),
        RawBox("b.png", "Pleural_Thickening", 0, 0, 1024, 1024, None, (1024, 1024), 3),
    ]
    assert write_box_list(tmp_path / "c.csv", as_boxes(raw)) == 2
    assert (tmp_path / "c.csv").read_text() == (
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
        "a.png,Infiltration,1.5,2,30,40.25\n"
        "b.png,Pleural_Thickening,0,0,1024,1024\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Image Index,Finding Label,Bbox [x,y,w,h]\na,Mass,1,2,3,4\n",
        # pandas fills the rows up to the header's width
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\na,Mass,1,2,3,4,,,\n",
        "Image Index,Finding Label,Bbox [x,y,w,h],Unnamed: 6\na,Mass,1,2,3,4,\n",
        "x,y,width,height,Finding,image\n1,2,3,4,mass,a\n",
        "\ufeffImage_Index,Finding_Label,x,y,w,h\r\na,MASS,1,2,3,4\r\n",
    ],
)
def test_other_headers_of_the_same_table(tmp_path: Path, text: str):
    raw, problems = read_box_list(write(tmp_path / "b.csv", text))
    assert problems == []
    assert as_boxes(raw) == [Box("a", "Mass", 1, 2, 3, 4)]


@pytest.mark.parametrize(
    "header",
    ["Image Index,Finding Label,Bbox [x,y,w,h],score", f"{HEADER}score"],
)
def test_scores_of_predicted_boxes(tmp_path: Path, header: str):
    text = f"{header}\na,Mass,1,2,3,4,0.75\na,Mass,1,2,3,4,\n"
    raw, problems = read_box_list(write(tmp_path / "b.csv", text))
    assert problems == []
    assert [box.score for box in raw] == [0.75, None]


def test_predicted_boxes_come_back(tmp_path: Path):
    boxes = [Box("a", "Mass", 1, 2, 3, 4), Box("a", "Edema", 0.1, 0.2, 0.3, 7)]
    write_box_list(tmp_path / "p.csv", boxes, scores=[0.5, 1e-9])
    raw, problems = read_box_list(tmp_path / "p.csv")
    assert problems == []
    assert as_boxes(raw) == boxes
    assert [box.score for box in raw] == [0.5, 1e-9]


def test_bad_rows_are_listed_and_the_others_read(tmp_path: Path):
    lines = [
        "a,Mass,1,2,3,4",
        "a,Mass,1,2,0,4",
        "a,Mass,1,2,3,-4",
        "a,Mass,nan,2,3,4",
        "a,Mass,1,inf,3,4",
        f"a,Mass,{SECRET},2,3,4",
        "a,Mass,,2,3,4",
        ",Mass,1,2,3,4",
        "a,,1,2,3,4",
        "a,Mass,1,2,3",
        "a,Mass,1,2,3,4,5,6,7,8,9",
        "b,Mass,5,6,7,8",
    ]
    raw, problems = read_box_list(write(tmp_path / "b.csv", "\n".join([HEADER, *lines])))
    assert [box.image for box in raw] == ["a", "b"]
    assert [(problem.number, problem.cause) for problem in problems] == [
        (3, "the width or height is not above 0"),
        (4, "the width or height is not above 0"),
        (5, "a coordinate or the score is not a finite number"),
        (6, "a coordinate or the score is not a finite number"),
        (7, "a coordinate or the score is not a number"),
        (8, "a coordinate or the score is not a number"),
        (9, "no image named"),
        (10, "no finding named"),
        (11, "too many or too few cells in the row"),
        (12, "too many or too few cells in the row"),
    ]
    assert not any(problem.kept for problem in problems)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Image Index,Finding Label,x,y,w", "no column for the height"),
        ("report_id,Mass", "no column for the image"),
        ("Image Index,Finding Label,x,y,w,h,Bbox [x", "names the x twice"),
    ],
)
def test_a_table_that_is_no_box_table(tmp_path: Path, header: str, message: str):
    with pytest.raises(TableError, match=message):
        read_box_list(write(tmp_path / "b.csv", header + "\n"))


def test_xml_files_of_a_folder(tmp_path: Path):
    size = "<size><width>2000</width><height>3000</height><depth>1</depth></size>"
    image = "<folder>work</folder><filename>IM1.png</filename>"
    write(tmp_path / "x" / "b.xml", voc(image, ("Infiltrate", 10, 20, 40, 80), size=size))
    write(
        tmp_path / "x" / "sub" / "c.XML",
        voc("", ("Mass", 1.5, 2.5, 3.5, 4.75), ("Nodule", 0, 0, 1, 1)),
    )
    write(tmp_path / "x" / "notes.txt", "no box")
    raw, problems = read_boxes(tmp_path / "x")
    assert problems == []
    first, second, third = raw
    assert (first.image, first.finding, first.frame) == (
        "work/IM1.png",
        "Infiltration",
        (2000, 3000),
    )
    assert (first.x, first.y, first.width, first.height) == (10, 20, 30, 60)
    # No image named: the file's own name. No size: the original's pixels.
    assert (second.image, second.number, second.frame) == ("c", 2, None)
    assert (second.x, second.y, second.width, second.height) == (1.5, 2.5, 2, 2.25)
    assert third.finding == "Nodule"


def test_several_annotations_in_one_file(tmp_path: Path):
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><boxes>'
        + voc("<filename>a.dcm</filename>", ("Mass", 0, 0, 5, 5))
        + voc("<path>C:\\work\\b.dcm</path>", ("Mass", 0, 0, 6, 5))
        + "</boxes>"
    )
    raw, problems = read_box_xml(write(tmp_path / "all.xml", text), frame=(1024, 1024))
    assert problems == []
    assert [(box.image, box.width, box.frame) for box in raw] == [
        ("a.dcm", 5, (1024, 1024)),
        ("C:\\work\\b.dcm", 6, (1024, 1024)),
    ]


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ("<size><width>0</width><height>0</height></size>", None),
        ("<size><width>nan</width><height>5</height></size>", None),
        ("<size><width>inf</width><height>5</height></size>", None),
        ("<size><width>wide</width><height>5</height></size>", None),
        ("<size><width>640.0</width><height>480</height></size>", (640, 480)),
    ],
)
def test_a_size_that_is_none(tmp_path: Path, size: str, frame: tuple[int, int] | None):
    text = voc("<filename>a</filename>", ("Mass", 0, 0, 5, 5), size=size)
    ((box,), problems) = read_box_xml(write(tmp_path / "a.xml", text))
    assert problems == []
    assert box.frame == frame


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotation>&b;</annotation>'
)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not well-formed XML"),
        ("<annotation>", "not well-formed XML"),
        (BOMB, "XML with a document type or entities"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "XML"),
        ("<annotation><filename>a</filename></annotation>", "XML without any box"),
        ("<html><body/></html>", "XML without any box"),
        (voc("<filename>a</filename>", ("Mass", 5, 5, 5, 9)), "width or height is not above 0"),
        (voc("<filename>a</filename>", ("Mass", 9, 5, 5, 9)), "width or height is not above 0"),
        (voc("<filename>a</filename>", ("", 1, 5, 5, 9)), "no finding named"),
        (voc("<filename>a</filename>", ("Mass", float("nan"), 5, 5, 9)), "not a finite number"),
        (
            voc("<filename>a</filename>", ("Mass", 1, 5, 5, 9)).replace("<xmin>1</xmin>", ""),
            "a coordinate is missing or no number",
        ),
    ],
)
def test_a_bad_xml_file_is_one_problem(tmp_path: Path, text: str, cause: str):
    bad = write(tmp_path / f"{SECRET}.xml", text)
    write(tmp_path / "z.xml", voc("<filename>a</filename>", ("Mass", 0, 0, 5, 5)))
    raw, (problem,) = read_box_xml(tmp_path)
    assert [box.number for box in raw] == [2]
    assert cause in problem.cause
    assert (problem.number, problem.path, problem.kept) == (1, bad, False)
    assert SECRET not in problem.cause


def test_only_an_annotations_own_objects_are_boxes(tmp_path: Path):
    """Nested annotations would make a file of 100 KB hold a million boxes."""
    objects = [("", 0, 0, 5, 5), ("Mass", 1, 1, 5, 5)] * 200
    inner = voc("<filename>a</filename>", *objects)
    for text, found in (
        ("<annotation>" * 3000 + inner + "</annotation>" * 3000, 0),
        ("<boxes>" + "<annotation>" * 20 + inner + "</annotation>" * 20 + "</boxes>", 0),
        ("<a><b>" + inner + "</b></a>", 0),
        (
            inner.replace("<object>", "<object><object>").replace(
                "</object>", "</object></object>"
            ),
            0,
        ),
    ):
        raw, problems = read_box_xml(write(tmp_path / "a.xml", text))
        assert len(raw) == found
        assert len(problems) <= 101


def test_a_files_problems_are_told_a_hundred_times_at_most(tmp_path: Path):
    bad = ("", 0, 0, 5, 5)
    for number, told in ((100, 100), (101, 101), (5000, 101)):
        boxes = [*[("Mass", 1, 1, 5, 5)] * 3, *[bad] * number]
        raw, problems = read_box_xml(write(tmp_path / "a.xml", voc("", *boxes)))
        assert (len(raw), len(problems)) == (3, told)
        more = problems[-1].cause == "more boxes of the file that cannot be used"
        assert more == (number > 100)


def test_a_huge_xml_file_is_not_parsed(tmp_path: Path):
    path = write(tmp_path / "a.xml", voc("", ("Mass", 0, 0, 5, 5)))
    with path.open("r+b") as file:
        file.truncate(2**25 + 1)
    raw, (problem,) = read_box_xml(path)
    assert (raw, problem.cause) == ([], "a larger XML file than boxes need")


def test_nothing_to_read(tmp_path: Path):
    (tmp_path / SECRET).mkdir()
    with pytest.raises(UserError, match=r"holds no .xml file") as caught:
        read_boxes(tmp_path / SECRET)
    assert SECRET not in str(caught.value)
    with pytest.raises(UserError, match="does not exist"):
        read_boxes(tmp_path / "nothing.csv")


def test_boxes_are_carried_through_resize_and_fit():
    raw = [
        RawBox("b.dcm", "Mass", 100, 200, 50, 60, number=2),
        RawBox("a.dcm", "Mass", 100, 200, 50, 60, frame=(1024, 1024), number=3),
        RawBox("c.dcm", "Mass", 0, 900, 100, 100, number=4),
    ]
    targets = box_targets(
        [
            ("x/a.dcm", target("1.png", 2048, 4096)),
            ("x/b.dcm", target("2.png", 2048, 4096)),
            # padded: the image's 1000 columns lie at 12 to 1012
            ("x/c.dcm", BoxTarget("3.png", 1000, 1000, Affine(1, 1, 12, 12))),
        ]
    )
    boxes, problems = carry_boxes(raw, targets)
    assert problems == []
    assert boxes == [
        Box("1.png", "Mass", 100, 200, 50, 60),
        Box("2.png", "Mass", 50, 50, 25, 15),
        Box("3.png", "Mass", 12, 912, 100, 100),
    ]


def test_boxes_that_cannot_be_carried_are_listed():
    far = Path("far.xml")
    raw = [
        RawBox("a", "Mass", 1024, 0, 5, 5, number=2),
        RawBox("a", "Mass", -5, 0, 5, 5, number=3, path=far),
        RawBox("unknown", "Mass", 0, 0, 5, 5, number=4),
        RawBox("a", "Mass", 1000, 10, 50, 5, number=5),
        RawBox("a", "Mass", 1000, 20, 24.5, 5, number=6),
        RawBox("b", "Mass", 0, 0, 5, 5, number=7),
        RawBox("a", "Mass", 1, 2, 3, 4, number=8),
        RawBox("a", "Mass", 1, 2, 3, 4, number=9),
        RawBox("a", "Nodule", 1, 2, 3, 4, number=10),
    ]
    cropped = BoxTarget("b.png", 1024, 1024, Affine(1, 1, -10, 0))
    boxes, problems = carry_boxes(raw, box_targets([("a", target("a.png")), ("b", cropped)]))
    assert boxes == [
        Box("a.png", "Mass", 1000, 10, 24, 5),
        Box("a.png", "Mass", 1000, 20, 24, 5),
        Box("a.png", "Mass", 1, 2, 3, 4),
        Box("a.png", "Nodule", 1, 2, 3, 4),
    ]
    assert problems == [
        BoxProblem("the box lies outside its image", 2),
        BoxProblem("the box lies outside its image", 3, path=far),
        BoxProblem("no image of the box's name is in the set", 4),
        BoxProblem("the box reached over the image's edge: clipped", 5, kept=True),
        BoxProblem("the box lies outside what --fit crop left of its image", 7),
        BoxProblem("the same box stands twice", 9),
    ]


def test_a_box_finds_its_image_by_as_many_folders_as_are_known():
    ours, other = target("1.png"), target("2.png")
    targets = box_targets(
        [
            ("p1/s1/IM1.dcm", ours),
            ("p2/s1/IM1.dcm", other),
            ("p1/s1/IM2.dcm", ours),
            ("p3/s1/IM2.dcm", None),
            ("p3/s1/IM3.dcm", None),
            ("1.2.840.10", ours),
        ]
    )

    def found(name: str) -> str:
        boxes, problems = carry_boxes([RawBox(name, "Mass", 0, 0, 5, 5)], targets)
        return boxes[0].image_index if boxes else problems[0].cause

    assert found("p1/s1/IM1.png") == "1.png"
    assert found("D:\\copy\\p2\\s1\\IM1") == "2.png"
    assert found("1.2.840.10") == "1.png"
    shared = "the box's image is named as several files are"
    assert found("IM1.dcm") == found("s1/IM1.dcm") == found("IM2.dcm") == shared
    assert found("p1/s1/IM2.dcm") == "1.png"
    assert found("IM3.dcm") == "the box's image was set aside or failed"
    assert found("p9/IM9.dcm") == "no image of the box's name is in the set"


@given(
    st.lists(
        st.tuples(
            *(st.floats(0, 400) for _ in range(2)), *(st.floats(0.01, 600) for _ in range(2))
        ),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_an_image_that_was_not_resampled_keeps_its_boxes_digits(extents):
    raw = [RawBox("a", "Mass", *extent, frame=(1024, 1024)) for extent in extents]
    boxes, problems = carry_boxes(raw, box_targets([("a.png", target("a.png"))]))
    assert problems == []
    assert [(box.x, box.y, box.width, box.height) for box in boxes] == extents


def test_the_placement_of_our_images_is_one():
    resize = pytest.importorskip("cxrmine.images.resize")
    placement = resize.Placement(0.5, 0.25, 0.0, 0.0)
    targets = box_targets([("a", BoxTarget("a.png", 2048, 4096, placement))])
    boxes, problems = carry_boxes([RawBox("a", "Mass", 100, 200, 50, 60)], targets)
    assert (boxes, problems) == ([Box("a.png", "Mass", 50, 50, 25, 15)], [])


def test_nihs_own_list_comes_back_byte_for_byte(data_dir: Path, tmp_path: Path):
    source = data_dir / "nih" / "BBox_List_2017.csv"
    raw, problems = read_boxes(source, frame=(1024, 1024))
    assert problems == []
    assert (len(raw), len({box.image for box in raw})) == (984, 880)
    targets = box_targets((box.image, target(box.image)) for box in raw)
    boxes, problems = carry_boxes(raw, targets)
    assert problems == []
    assert sorted(boxes, key=repr) == sorted(as_boxes(raw), key=repr)
    write_box_list(tmp_path / "BBox_List.csv", as_boxes(raw))
    text = (tmp_path / "BBox_List.csv").read_text()
    assert text.replace(",Infiltration,", ",Infiltrate,") == source.read_text()
