"""Fonts that draw the characters that clauses really hold, or a sentence on what to install.

Matplotlib brings a font for Latin, Greek, Cyrillic, Arabic and Hebrew letters and none for
Chinese, Japanese or Korean. Here the machine's fonts are asked, character by character; several
may be combined. Nothing is registered with Matplotlib and none of its settings is read or set:
the result is a list of font files, and text drawn with it is a path.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.path import Path as Outline

#: What stands in a picture where no font has the character.
MISSING = "□"

# Sans serif families that have the Han characters, by the script that chooses among them: one
# code point can want another shape in Chinese, Japanese and Korean (角, 骨, 直).
_CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "PingFang HK",
    "Hiragino Sans GB",
    "Heiti SC",
    "STHeiti",
    "SimHei",
    "DengXian",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "SimSun",
    "Noto Serif CJK SC",
)
_JAPANESE = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Source Han Sans",
    "IPAexGothic",
    "IPAGothic",
    "VL Gothic",
    "TakaoGothic",
    "Hiragino Sans",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
)
_KOREAN = (
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "Source Han Sans KR",
    "NanumGothic",
    "NanumBarunGothic",
    "UnDotum",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
)
_OTHER = ("Noto Sans", "Noto Sans Arabic", "Noto Emoji", "Symbola", "Segoe UI Symbol")

# Fonts that have every character and draw none of them, and fonts of coloured bitmaps, which
# have no outlines.
_USELESS = ("last resort", "lastresort", "notdef", "adobe blank", "color emoji", "unifont upper")


@dataclass(frozen=True, slots=True)
class Face:
    """A font of the machine: its file, its place in the file (a collection has several)."""

    path: str
    index: int
    family: str


@dataclass(frozen=True, slots=True)
class Fonts:
    """Fonts to draw some texts with.

    ``faces`` are tried in their order, character by character. ``missing`` are the characters
    that none of them has; ``warning`` says so and what to install, None where all is well.
    """

    faces: tuple[Face, ...]
    missing: frozenset[str]
    warning: str | None

    def drawable(self, text: str) -> str:
        """Return `text` with a box for each missing character, without what has no shape."""
        kept = (char for char in text if not _shapeless(char))
        return "".join(MISSING if char in self.missing else char for char in kept)

    def outline(self, text: str) -> Outline:
        """Return the shape of one line of text, as a path.

        Returns
        -------
        matplotlib.path.Path
            At a font size of 1, beginning at x = 0 on the baseline y = 0, y upwards. Empty for a
            text of blanks.
        """
        return _outline(self.faces, self.drawable(text))


def choose_fonts(texts: Iterable[str], *, installed: Sequence[Face] | None = None) -> Fonts:
    """Choose the fonts that draw `texts`, as few as it takes.

    Parameters
    ----------
    texts : iterable of str
        All that is to be drawn.
    installed : sequence of Face, optional
        The fonts to choose from beside Matplotlib's own; default those of the machine
        (`installed_faces`).

    Returns
    -------
    Fonts
        Matplotlib's DejaVu Sans comes first, so that a picture of Latin letters is the same on
        every machine.
    """
    counts = Counter(char for text in texts for char in text if not _shapeless(char))
    base = base_face()
    wanted = set(counts) - _held(base, counts)
    chosen = [base]
    if wanted:
        faces = installed_faces() if installed is None else installed
        ranks = {name: rank for rank, name in enumerate(_preferred(wanted))}
        # Known families first: opening every font of a machine can take a while.
        known = sorted((f for f in faces if f.family in ranks), key=lambda f: ranks[f.family])
        for group in (known, [f for f in faces if f.family not in ranks]):
            chosen += _cover(wanted, group)
            if not wanted:
                break
    told = (_warning(wanted, len(counts)), _unjoined(counts))
    return Fonts(tuple(chosen), frozenset(wanted), " ".join(filter(None, told)) or None)


def _cover(wanted: set[str], faces: Sequence[Face]) -> list[Face]:
    """Take faces, the most useful first, until they add nothing; remove what they have."""
    coverage = {}
    for face in faces:
        if held := _held(face, wanted):
            coverage[face] = held
    chosen = []
    while wanted and coverage:
        best = max(coverage, key=lambda face: len(coverage[face] & wanted))  # ties: the first
        if not (gained := coverage.pop(best) & wanted):
            break
        chosen.append(best)
        wanted -= gained
    return chosen


def installed_faces() -> tuple[Face, ...]:
    """Return the machine's upright fonts, one a family, by family name.

    Also those that were installed after Matplotlib made its list.
    """
    from matplotlib import font_manager

    best: dict[str, tuple[tuple[int, str], Face]] = {}
    for entry in (*font_manager.fontManager.ttflist, *_unlisted(font_manager)):
        name = str(entry.name)
        if any(word in name.casefold() for word in _USELESS) or not Path(entry.fname).exists():
            continue
        # An upright regular of normal width where the family has one.
        oddness = (
            (entry.style != "normal") * 4000
            + (entry.stretch not in ("normal", 5, 500)) * 2000
            + abs(_weight(entry.weight) - 400)
        )
        face = Face(str(entry.fname), getattr(entry, "index", 0), name)
        best[name] = min(best.get(name, ((99999, ""), face)), ((oddness, face.path), face))
    return tuple(best[name][1] for name in sorted(best))


def _unlisted(font_manager: Any) -> Iterator[Any]:
    known = {str(Path(entry.fname)) for entry in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            yield font_manager.ttfFontProperty(font_manager.get_font(path))
        except Exception:  # a damaged font file is no reason not to draw with the others
            continue


def _weight(weight: str | int) -> int:
    if isinstance(weight, int):
        return weight
    return {"light": 200, "medium": 500, "bold": 700}.get(weight, 400)


def base_face() -> Face:
    """Return the font that Matplotlib brings, DejaVu Sans."""
    import matplotlib

    return Face(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 0, "DejaVu Sans")


def _preferred(chars: Iterable[str]) -> tuple[str, ...]:
    scripts = {_script(char) for char in chars}
    if "kana" in scripts:
        return (*_JAPANESE, *_CHINESE, *_KOREAN, *_OTHER)
    if "hangul" in scripts:
        return (*_KOREAN, *_CHINESE, *_JAPANESE, *_OTHER)
    return (*_CHINESE, *_JAPANESE, *_KOREAN, *_OTHER)


def _script(char: str) -> str:
    name = unicodedata.name(char, "")
    if "HIRAGANA" in name or "KATAKANA" in name:
        return "kana"
    if "HANGUL" in name:
        return "hangul"
    # 2E80 to 33FF: radicals, CJK punctuation, enclosed and compatibility characters.
    if "CJK" in name or "IDEOGRAPH" in name or "⺀" <= char <= "㏿" or "＀" <= char <= "￯":
        return "han"
    return "other"


def _shapeless(char: str) -> bool:
    """Say whether a character draws nothing: controls, joiners, variation selectors, blanks."""
    category = unicodedata.category(char)
    return category in ("Cc", "Cf", "Cs") or "︀" <= char <= "️" or "󠄀" <= char <= "󠇯"


def _held(face: Face, chars: Iterable[str]) -> set[str]:
    """Return those of `chars` that a font has; none where it cannot be read or has no outlines."""
    from matplotlib import ft2font

    # Opened by itself and let go of at once: `get_font` would keep the file of every font open.
    options: dict[str, Any] = {"face_index": face.index} if face.index else {}
    try:
        font: Any = ft2font.FT2Font(face.path, **options)
        if not font.scalable:
            return set()
        return {char for char in chars if char.isspace() or font.get_char_index(ord(char))}
    except Exception:  # see _unlisted
        return set()


def _place(face: Face) -> Any:
    """Return what `get_font` takes; before Matplotlib 3.11 a collection's first font only."""
    from matplotlib import font_manager

    font_path = getattr(font_manager, "FontPath", None)
    return face.path if font_path is None else font_path(face.path, face.index)


_UNIT = 100.0  # the size at which Matplotlib's text paths are made


def _outline(faces: tuple[Face, ...], text: str) -> Outline:
    import numpy as np
    from matplotlib import font_manager
    from matplotlib.path import Path as Outline
    from matplotlib.textpath import text_to_path

    font: Any = font_manager.get_font([_place(face) for face in faces])
    font.set_size(_UNIT, 72)
    placed, shapes, _ = text_to_path.get_glyphs_with_font(font, text)
    vertices, codes = [np.empty((0, 2))], [np.empty(0, np.uint8)]
    for glyph, x, y, scale in placed:
        points, kinds = shapes[glyph]
        if len(points):
            vertices.append(np.asarray(points) * scale + (x, y))
            codes.append(np.asarray(kinds, np.uint8))
    return Outline(np.concatenate(vertices) / _UNIT, np.concatenate(codes))


def _unjoined(chars: Iterable[str]) -> str | None:
    """Warn where letters that are written from right to left will not be."""
    from matplotlib import font_manager

    if hasattr(font_manager, "FontPath"):  # since Matplotlib 3.11, which also shapes text
        return None
    if not any(unicodedata.bidirectional(char) in ("R", "AL") for char in chars):
        return None
    return (
        "The figure has Arabic or Hebrew letters, which this version of Matplotlib draws unjoined "
        "and from left to right: install Matplotlib 3.11 or newer, then run again."
    )


def _warning(missing: set[str], characters: int) -> str | None:
    if not missing:
        return None
    counts = Counter(_script(char) for char in missing)
    names = (("han", "Chinese"), ("kana", "Japanese"), ("hangul", "Korean"))
    asian = [name for script, name in names if counts[script]]
    remedies = []
    if asian:
        language = " and ".join(filter(None, (", ".join(asian[:-1]), asian[-1])))
        remedies.append(
            f"a font for {language} (Debian, Ubuntu: fonts-noto-cjk or fonts-wqy-zenhei; Fedora, "
            "RHEL: google-noto-sans-cjk-fonts, up to RHEL 9 google-noto-sans-cjk-ttc-fonts)"
        )
    if counts["other"]:
        remedies.append(
            f"{'one for the others' if asian else 'a font that has them'} (Debian, Ubuntu: "
            "fonts-noto-core, fonts-symbola for symbols; Fedora, RHEL: google-noto-sans-fonts)"
        )
    return (
        f"The figure shows {MISSING} for {len(missing):,} of its {characters:,} different "
        f"characters, which no font on this machine has. Install {' and '.join(remedies)}, or "
        "put such a font file into ~/.fonts, then run again."
    )
