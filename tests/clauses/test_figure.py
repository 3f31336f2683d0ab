from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrmine.clauses import figure, fonts
from cxrmine.clauses.boxes import Box, squarify
from cxrmine.clauses.figure import SIZE, draw_clusters, draw_k_curve
from cxrmine.clauses.fonts import choose_fonts
from cxrmine.clauses.model import Cluster, DistinctClause, Grouping, Term
from cxrmine.clauses.words import Word, Writer, fill


def made(groups: list[list[dict[str, int]]]) -> Grouping:
    """A grouping of terms, each a list of clusters, each clauses with counts (medoid first)."""
    clauses, clusters, terms = [], [], []
    for term, members in enumerate(groups, start=1):
        numbers = []
        for texts in members:
            number = len(clusters) + 1
            numbers.append(number)
            medoid = next(iter(texts))
            clusters.append(Cluster(number, term, medoid, sum(texts.values()), 1, 2.0))
            clauses += [
                DistinctClause(text, count, number, medoid, float(text != medoid), term)
                for text, count in texts.items()
            ]
        total = sum(sum(texts.values()) for texts in members)
        terms.append(Term(term, tuple(numbers), total, total, 0))
    occurrences = sum(clause.count for clause in clauses)
    return Grouping(tuple(clauses), tuple(clusters), tuple(terms), occurrences, 9, "levenshtein")


def typos(text: str, count: int, number: int) -> dict[str, int]:
    """Return a clause and `number` others that differ from it by a character."""
    places = [(place, chr(0x4E00 + 7 * n)) for n in range(number) for place in range(len(text))]
    wrong = (text[:place] + char + text[place + 1 :] for place, char in places)
    return {text: count, **dict.fromkeys(list(dict.fromkeys(wrong))[:number], 1)}


CHEST = [
    [typos("两肺心膈未见异常", 5000, 90), typos("双肺心膈未见明显异常", 1100, 40)],
    [typos("两肺纹理增多", 3000, 60), typos("双肺纹理增粗", 900, 30), {"两肺纹理紊乱": 20}],
    [typos("主动脉硬化", 2500, 40)],
    [typos("心影增大", 300, 12), {"心脏增大": 90}, {"心影饱满": 2}],
    [typos("enlarged heart without signs of congestive failure or effusion", 60, 4)],
    [{"右侧肋膈角变钝": 20}],
    [{"肺气肿": 5}],
]


# ---------------------------------------------------------------------------- boxes


@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40).map(lambda v: sorted(v, reverse=True)),
    st.floats(10, 3000),
    st.floats(10, 3000),
)
def test_boxes_share_the_area_in_proportion(
    values: list[float], width: float, height: float
) -> None:
    whole = Box(7.0, 3.0, width, height)
    boxes = squarify(values, whole)
    assert len(boxes) == len(values)
    for value, box in zip(values, boxes, strict=True):
        expected = value / sum(values) * width * height
        assert box.width * box.height == pytest.approx(expected, rel=1e-6, abs=1e-3)
        assert box.x >= whole.x - 1e-3
        assert box.y >= whole.y - 1e-3
        assert box.x + box.width <= whole.x + width + 1e-3
        assert box.y + box.height <= whole.y + height + 1e-3
    for one, other in combinations(boxes, 2):
        assert overlap(one, other) < 1e-3 * (width + height)


def overlap(one: Box, other: Box) -> float:
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0.0, wide) * max(0.0, high)


def test_boxes_are_as_in_the_paper() -> None:
    # Bruls, Huizing and van Wijk (2000), figure 4: 6 6 4 3 2 2 1 in 6 by 4.
    boxes = squarify([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    found = [(round(b.x, 3), round(b.y, 3), round(b.width, 3), round(b.height, 3)) for b in boxes]
    assert found[:4] == [(0, 0, 3, 2), (0, 2, 3, 2), (3, 0, 1.714, 2.333), (4.714, 0, 1.286, 2.333)]
    assert found[4] == (3, 2.333, 1.2, 1.667)


def test_boxes_of_nothing_and_of_less_than_nothing() -> None:
    assert squarify([], Box(0, 0, 1, 1)) == []
    with pytest.raises(ValueError, match="positive"):
        squarify([1, 0], Box(0, 0, 1, 1))


# ---------------------------------------------------------------------------- words


@pytest.fixture(scope="module")
def writer() -> Writer:
    """Whether a font is there or not: boxes are drawn in place of missing characters."""
    return Writer(choose_fonts(["两肺纹理增多心影abc"]))


def ink_box(word: Word, writer: Writer) -> Box:
    ink = writer.ink(word.text)
    return Box(
        word.x + ink.left * word.size,
        word.y - ink.top * word.size,
        (ink.right - ink.left) * word.size,
        (ink.top - ink.bottom) * word.size,
    )


LONG = "no sign of acute disease in either lung, the heart is not enlarged"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["两肺纹理增多", "心影", LONG, LONG * 3, "g", "ǺỘ", " ", "肺" * 40]),
            st.text(st.sampled_from("两肺纹理ab j"), min_size=1, max_size=25),
        ),
        max_size=30,
    ),
    st.floats(20, 700),
    st.floats(14, 500),
    st.floats(1, 120),
)
def test_words_neither_overlap_nor_leave_their_box(
    writer: Writer, texts: list[str], width: float, height: float, size: float
) -> None:
    box = Box(11.0, 22.0, width, height)
    sizes = [max(14.0, size / (place + 1)) for place in range(len(texts))]
    words = fill(texts, sizes, box, writer)
    places = [ink_box(word, writer) for word in words]
    for place in places:
        assert place.x >= box.x - 1e-6
        assert place.y >= box.y - 1e-6
        assert place.x + place.width <= box.x + box.width + 1e-6
        assert place.y + place.height <= box.y + box.height + 1e-6
    for one, other in combinations(places, 2):
        assert overlap(one, other) < 1e-6
    ranks = [word.rank for word in words if word.rank >= 0]
    assert ranks == sorted(ranks)
    assert all(word.size >= 14.0 - 1e-9 for word in words)


def test_what_has_no_room_is_counted(writer: Writer) -> None:
    texts = [f"lung {'abcdefghij'[n % 10]}{n}" for n in range(200)]
    words = fill(texts, [30.0] * 200, Box(0, 0, 300, 120), writer, hidden=1000)
    shown = {word.rank for word in words if word.rank >= 0}
    assert shown == set(range(len(shown)))
    assert 5 < len(shown) < 200
    tails = [word.text for word in words if word.rank < 0]
    assert tails == [f"… and {1200 - len(shown):,} more"]


def test_the_frequent_are_larger(writer: Writer) -> None:
    words = fill(["肺", "心", "影"], [90.0, 40.0, 14.0], Box(0, 0, 500, 400), writer)
    assert [word.rank for word in words] == [0, 1, 2]
    assert words[0].size == 90.0
    assert words[0].size > words[1].size > words[2].size


def test_all_shrink_alike_in_a_small_box(writer: Writer) -> None:
    large = fill(["两肺", "心影"], [100.0, 50.0], Box(0, 0, 900, 400), writer)
    small = fill(["两肺", "心影"], [100.0, 50.0], Box(0, 0, 120, 60), writer)
    assert [word.size for word in large] == [100.0, 50.0]
    assert small[0].size < 60
    assert len(small) == 2


def test_a_long_text_takes_several_lines(writer: Writer) -> None:
    words = fill([LONG], [40.0], Box(0, 0, 600, 300), writer)
    assert [word.rank for word in words] == [0] * len(words)
    assert 1 < len(words) <= 3
    assert " ".join(word.text for word in words) == LONG
    # One without blanks is broken between characters.
    parts = fill(["肺" * 30], [40.0], Box(0, 0, 500, 300), writer)
    assert "".join(word.text for word in parts) == "肺" * 30
    assert len({len(word.text) for word in parts}) <= 2  # evenly


def test_a_box_too_small_stays_empty(writer: Writer) -> None:
    assert fill(["两肺"], [30.0], Box(0, 0, 200, 5), writer) == []
    assert fill([], [], Box(0, 0, 200, 200), writer) == []


# ---------------------------------------------------------------------------- the figure


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, WCAG 2.1 section 1.4.3."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("ink", "tint"), figure._COLOURS)
def test_every_colour_of_text_is_legible(ink: str, tint: str) -> None:
    assert contrast(ink, tint) >= 6
    assert contrast("#ffffff", ink) >= 4.5
    assert contrast(figure._lighter(ink), tint) >= 4.5
    assert contrast(figure._SOFT, tint) >= 4.5


def png(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)


def test_the_figure_is_drawn_and_the_same_every_time(tmp_path: Path) -> None:
    warned = draw_clusters(made(CHEST), tmp_path / "a.png", top=5)
    again = draw_clusters(made(CHEST), tmp_path / "b.png", top=5)
    assert warned == again
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in data
    assert b"tEXt" not in data
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.png", "b.png"]
    picture = png(tmp_path / "a.png")
    assert picture.shape[:2] == (SIZE[1], SIZE[0])
    colours = {tuple(np.round(c[:3] * 255).astype(int)) for c in picture[::7, ::7].reshape(-1, 4)}
    assert len(colours) > 20  # tints and inks of five terms, and their edges


def laid_out(monkeypatch: pytest.MonkeyPatch, found: Grouping, path: Path, **options) -> list:
    """Return what `draw_clusters` would draw."""
    kept: list = []
    monkeypatch.setattr(
        figure, "_draw", lambda terms, *rest: (kept.append(terms), path.write_bytes(b""))
    )
    draw_clusters(found, path, **options)
    return kept[0]


def test_every_cluster_is_a_box_in_its_terms_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = laid_out(monkeypatch, made(CHEST), tmp_path / "a.png", top=5)
    assert [term.head for term in terms] == [f"Term {number}" for number in range(1, 6)]
    for one, other in combinations([term.box for term in terms], 2):
        assert overlap(one, other) < 1e-6
    areas = [term.box.width * term.box.height for term in terms]
    assert areas[0] / areas[1] == pytest.approx(6230 / 4010, rel=0.05)
    for term in terms:
        for cluster in term.clusters:
            assert overlap(cluster.box, term.box) == pytest.approx(
                cluster.box.width * cluster.box.height
            )
            assert cluster.words  # no box is empty
        for one, other in combinations([cluster.box for cluster in term.clusters], 2):
            assert overlap(one, other) < 1e-6
    assert [len(term.clusters) for term in terms][:3] == [2, 3, 1]


def test_every_medoid_of_the_first_terms_is_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = laid_out(monkeypatch, made(CHEST), tmp_path / "a.png", top=7)
    drawable = choose_fonts(["".join(clauses) for term in CHEST for clauses in term]).drawable

    def first(place: int) -> str:
        words = terms[place].clusters[0].words
        return drawable("".join(word.text for word in words if word.rank == 0))

    medoids = [next(iter(term[0])) for term in CHEST]
    for place in (0, 1, 2, 3, 5, 6):
        assert first(place) == drawable(medoids[place])
    assert first(4).startswith("enlarged")
    sizes = [term.clusters[0].words[0].size for term in terms]
    assert sizes[0] > sizes[3] > sizes[5]


@pytest.mark.parametrize("top", [1, 3, 25, 60])
def test_any_number_of_terms_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: int
) -> None:
    groups = [[{"肺" + chr(0x5000 + n): 2000 // (n + 1)}] for n in range(60)]
    groups[0] = [typos("两肺心膈未见异常", 50_000, 300), *groups[0]]
    terms = laid_out(monkeypatch, made(groups), tmp_path / "a.png", top=top)
    assert len(terms) == top
    assert all(cluster.words for term in terms for cluster in term.clusters)


def test_a_term_of_many_small_clusters_puts_them_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [{"主动脉硬化" + chr(0x5000 + n): 3} for n in range(80)]
    found = made([[typos("两肺心膈未见异常", 9000, 5)], [{"主动脉硬化": 500}, *many]])
    terms = laid_out(monkeypatch, found, tmp_path / "a.png", top=2)
    assert 2 <= len(terms[1].clusters) < 20
    tail = [w.text for c in terms[1].clusters for w in c.words if w.rank < 0]
    assert tail
    assert re.fullmatch(r"… and \d+ more|\+ \d+", tail[0])


def test_names_titles_and_odd_clauses(tmp_path: Path) -> None:
    found = made(
        [[{"$\\frac{1}{2}$": 3, "_a_^b": 1}], [{" ": 2}], [{"\u200d": 1}], [{"x" * 900: 1}]]
    )
    draw_clusters(found, tmp_path / "a.png", top=9, title="$Title$", labels={1: "half " * 60})
    draw_clusters(found, tmp_path / "b.png", top=9, title="$Title$")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_of_a_whole_report_only_the_beginning_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measuring 100,000 characters took minutes."""
    measured: list[str] = []
    width = Writer.width

    def listening(self: Writer, text: str) -> float:
        measured.append(text)
        return width(self, text)

    monkeypatch.setattr(Writer, "width", listening)
    draw_clusters(made([[{"胸膜增厚" * 5_000: 9, "肺气肿": 1}]]), tmp_path / "a.png", top=3)
    assert measured
    assert max(map(len, measured)) <= figure._LONGEST + 1


def test_nothing_to_draw_is_a_picture_too(tmp_path: Path) -> None:
    empty = Grouping((), (), (), 0, 0, "normalized")
    assert draw_clusters(empty, tmp_path / "a.png", top=10) == ()
    assert draw_clusters(made(CHEST), tmp_path / "b.png", top=0) == ()
    assert png(tmp_path / "a.png").shape[:2] == (SIZE[1], SIZE[0])


def test_without_fonts_the_picture_is_drawn_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_fonts = draw_clusters(made(CHEST), tmp_path / "with.png", top=5)
    monkeypatch.setattr(fonts, "installed_faces", lambda: ())
    (warning,) = draw_clusters(made(CHEST), tmp_path / "without.png", top=5)
    assert "fonts-noto-cjk" in warning
    assert png(tmp_path / "without.png").shape[:2] == (SIZE[1], SIZE[0])
    if not with_fonts:
        assert (tmp_path / "with.png").read_bytes() != (tmp_path / "without.png").read_bytes()


def test_a_failure_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        draw_clusters(made(CHEST), tmp_path / "a.png", top=5)
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


# ---------------------------------------------------------------------------- the choice of k


@dataclass(frozen=True)
class Point:
    k: int
    loss: float
    covered: float


@dataclass(frozen=True)
class Choice:
    k: int
    criterion: str
    curve: tuple[Point, ...]


CHOICE = Choice(
    8,
    "the smallest k at which $99\\%$ of the clauses lie within half of their characters",
    tuple(Point(k, 3 / k, 1 - 0.08 / k) for k in (1, 2, 3, 4, 6, 8, 10)),
)


def test_the_curve_shows_the_k_that_was_chosen(tmp_path: Path) -> None:
    assert draw_k_curve(CHOICE, tmp_path / "a.png") == ()
    draw_k_curve(CHOICE, tmp_path / "b.png")
    draw_k_curve(Choice(6, CHOICE.criterion, CHOICE.curve), tmp_path / "c.png")
    data = {name: (tmp_path / f"{name}.png").read_bytes() for name in "abc"}
    assert data["a"] == data["b"] != data["c"]
    assert b"tEXt" not in data["a"]


@pytest.mark.parametrize(
    "curve", [(), (Point(1, 0.0, 1.0),), (Point(1, 5.0, 0.5), Point(2, 5.0, 0.5))]
)
def test_short_and_flat_curves_are_drawn(tmp_path: Path, curve: tuple[Point, ...]) -> None:
    draw_k_curve(Choice(1, "k was given", curve), tmp_path / "a.png")
    assert png(tmp_path / "a.png").shape[1] == 1500


def test_a_users_settings_change_no_picture(tmp_path: Path) -> None:
    import matplotlib

    draw_k_curve(CHOICE, tmp_path / "a.png")
    draw_clusters(made(CHEST), tmp_path / "c.png", top=3)
    odd = {"text.usetex": True, "font.size": 30, "lines.linewidth": 9, "savefig.dpi": 50,
           "axes.facecolor": "red", "patch.linewidth": 9, "figure.facecolor": "black"}  # fmt: skip
    with matplotlib.rc_context(odd):
        draw_k_curve(CHOICE, tmp_path / "b.png")
        draw_clusters(made(CHEST), tmp_path / "d.png", top=3)
        assert {name: matplotlib.rcParams[name] for name in odd} == odd
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "c.png").read_bytes() == (tmp_path / "d.png").read_bytes()


def test_neither_import_nor_drawing_loads_pyplot() -> None:
    code = (
        "import sys, cxrmine.clauses.figure, cxrmine.clauses.fonts, cxrmine.clauses.page\n"
        "assert 'matplotlib' not in sys.modules and 'jinja2' not in sys.modules\n"
        "from pathlib import Path\nimport tempfile\n"
        "from cxrmine.clauses.model import Grouping\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    cxrmine.clauses.figure.draw_clusters(\n"
        "        Grouping((), (), (), 0, 0, 'levenshtein'), Path(folder) / 'a.png', top=1)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
