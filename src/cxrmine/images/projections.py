"""The projection that a header's view position, code, orientation or words name.

Sources: DICOM PS3.3 C.8.1.1 (CR View Position), C.8.11.5 (DX Positioning), C.7.6.1.1.1 (Patient
Orientation); PS3.16 context group 4010 (DX View).
"""

from __future__ import annotations

from typing import Literal

from cxrmine.images.header_words import unspaced, words

Projection = Literal[
    "PA", "AP", "frontal", "lateral", "oblique", "decubitus", "lordotic or axial", "other"
]
#: Projections of a frontal view, ``frontal`` where nothing says whether PA or AP.
FRONTAL: frozenset[str] = frozenset({"PA", "AP", "frontal"})

# Whole values of View Position that are no words. The first eight are the defined terms of CR;
# what follows stands in the headers of public sets and of makers.
_POSITIONS: dict[str, Projection] = {
    "AP": "AP",
    "PA": "PA",
    "LL": "lateral",
    "RL": "lateral",
    "LLD": "decubitus",
    "RLD": "decubitus",
    "LLO": "oblique",
    "RLO": "oblique",
    "ML": "lateral",
    "LM": "lateral",
    "LLAT": "lateral",
    "RLAT": "lateral",
    "SWIMMERS": "other",
    "CC": "other",
    "MLO": "other",
    "TAN": "other",
    "TANGENTIAL": "other",
}

# Context group 4010 in SNOMED CT, then SNOMED-RT; the last of a line is what earlier editions
# had (its notes 1 to 3).
_LISTED_CODES: tuple[tuple[Projection, str], ...] = (
    ("AP", "399348003 R-10206"),
    ("PA", "272479007 R-40888 R-10214"),
    ("frontal", "399033003 R-10202"),
    (
        "lateral",
        "399067008 R-102CD 399198007 R-10232 399173006 R-10236 30730003 G-A145 R-10222",
    ),
    ("lateral", "399260004 R-10224 399352003 R-10228"),
    ("oblique", "399182000 R-102C1 399236003 R-10234 399184004 R-10238 399135007 R-10220"),
    ("oblique", "399356000 R-40985 R-10218 399038007 R-10210 399006002 R-10212"),
    ("oblique", "399059000 R-10216 399312000 R-10208 399160007 R-10204"),
    ("oblique", "399288005 R-10248 399225005 R-10250"),
    ("oblique", "260427002 R-40783 260426006 R-40782 399368009 R-10226 399099002 R-10230"),
    ("lordotic or axial", "399061009 R-10241 399004004 R-10246 399132005 R-10252"),
    ("lordotic or axial", "399325008 R-10254"),
    ("other", "399162004 R-10242 399196006 R-10244 399110001 R-102C2 260499007 R-40810"),
    ("other", "399242004 R-102C6 399351005 R-102C7 399272005 R-102C5 399316002 R-102C8"),
    ("other", "399360002 R-10257 399255003 R-10256 399335002 R-102C4 399071006 R-102C3"),
    ("other", "119376003 G-8300"),
)
_CODES = {code: projection for projection, listed in _LISTED_CODES for code in listed.split()}

_LISTED_WORDS: tuple[tuple[Projection, str], ...] = (
    ("PA", "PA POSTEROANTERIOR POSTEROANTERIEUR POSTEROANTERIORE POSTERIOANTERIOR"),
    ("PA", "POSTERIORANTERIOR POSTEROANT"),
    ("AP", "AP ANTEROPOSTERIOR ANTEROPOSTERIEUR ANTEROPOSTERIORE ANTERIOPOSTERIOR"),
    ("AP", "ANTERIORPOSTERIOR ANTEROPOST"),
    ("frontal", "FRONTAL FRONTALE FRONTALNA FRENTE ПРЯМАЯ"),
    ("lateral", "LATERAL LAT LATERALE LATERALIS LATERAAL LATERALT LATERALNE LLAT RLAT"),
    ("lateral", "PROFIL PERFIL PROFILO SEITLICH SEITL DWARS ZIJDELINGS BOCZNE БОКОВАЯ БОКОВОЙ"),
    ("oblique", "OBLIQUE OBL OBLIQ OBLICUA OBLICUO OBLIQUA OBLIQUO OBLIKVA SCHRAG SCHRAEG"),
    ("oblique", "LAO RAO LPO RPO LLO RLO КОСАЯ"),
    ("decubitus", "DECUBITUS DECUB DECUBITO DECUB LLD RLD"),
    ("lordotic or axial", "LORDOTIC LORDOTICA LORDOTIQUE LORDOTISCH APICOLORDOTIC AXIAL"),
)
_WORDS = {word: projection for projection, listed in _LISTED_WORDS for word in words(listed)}
# Two words, one of them alone means nothing.
_PAIRS: dict[tuple[str, str], Projection] = {
    ("P", "A"): "PA",
    ("POSTERO", "ANTERIOR"): "PA",
    ("POSTERIOR", "ANTERIOR"): "PA",
    ("POSTERO", "ANTERIEUR"): "PA",
    ("A", "P"): "AP",
    ("ANTERO", "POSTERIOR"): "AP",
    ("ANTERIOR", "POSTERIOR"): "AP",
    ("ANTERO", "POSTERIEUR"): "AP",
    ("DE", "FACE"): "frontal",
    ("THORAX", "FACE"): "frontal",
    ("POUMON", "FACE"): "frontal",
    ("POUMONS", "FACE"): "frontal",
    ("LATERO", "LATERAL"): "lateral",
    ("LATERO", "LATERALE"): "lateral",
    ("THORAX", "LL"): "lateral",
    ("TORACE", "LL"): "lateral",
    ("CHEST", "LL"): "lateral",
    ("THORAX", "RL"): "lateral",
    ("TORACE", "RL"): "lateral",
    ("CHEST", "RL"): "lateral",
    ("CROSS", "TABLE"): "lateral",
}
# Chinese, Japanese, Korean: simplified and traditional characters.
_SIGNS: tuple[tuple[str, Projection], ...] = (
    ("后前", "PA"),
    ("後前", "PA"),
    ("背腹", "PA"),
    ("前后", "AP"),
    ("前後", "AP"),
    ("腹背", "AP"),
    ("正位", "frontal"),
    ("正面", "frontal"),
    ("정면", "frontal"),
    ("侧位", "lateral"),
    ("側位", "lateral"),
    ("側面", "lateral"),
    ("측면", "lateral"),
    ("斜位", "oblique"),
    ("侧卧", "decubitus"),
    ("側臥", "decubitus"),
    ("前弓", "lordotic or axial"),
)
# "no lateral", "ohne seitl."
_NEGATIONS = frozenset("NO NOT WITHOUT NON SANS SIN SEM OHNE KEIN KEINE SENZA ZONDER UTAN".split())
# Nobody lying on the back, or in bed, is radiographed from behind.
_LYING = frozenset(
    "PORTABLE PORTABEL PORTATIL MOBILE BEDSIDE SUPINE SUPINO LIEGEND BETT BETTAUFNAHME LIT LEITO "
    "CAMA RUGLIGGING".split()
)
_LYING_SIGNS = ("床旁", "床边", "床邊", "ポータブル", "臥位", "卧位")
# With these, "decubitus" is not the decubitus view: "decubito supino" is lying on the back, and
# "dorsal decubitus" is that or a lateral of it.
_BACK_OR_FRONT = frozenset("DORSAL VENTRAL SUPINE SUPINO PRONE PRONO DORSAAL".split())


def projection_of_position(value: str) -> Projection | None:
    """Return what View Position (0018,5101) names; None for a blank or anything unknown.

    Examples
    --------
    >>> projection_of_position("LL"), projection_of_position("AP LLD")
    ('lateral', 'decubitus')
    """
    key = value.strip().upper()
    if key in _POSITIONS:
        return _POSITIONS[key]
    return projection_of_words(value)


def projection_of_code(code: str) -> Projection | None:
    """Return what a code of context group 4010 names.

    Examples
    --------
    >>> projection_of_code("R-10236")
    'lateral'
    """
    return _CODES.get(code)


def projection_of_orientation(value: str) -> Projection | None:
    r"""Return what Patient Orientation (0020,0020), rows\columns, says of the projection.

    ``L\F`` (to the patient's left, to the feet) is a frontal view, ``A\F`` or ``P\F`` a lateral.
    Anything else says nothing here: an oblique, a view along the body's axis.

    Examples
    --------
    >>> projection_of_orientation("A\\F"), projection_of_orientation("L\\F")
    ('lateral', 'frontal')
    """
    axes = _axes(value)
    if axes == {"side", "height"}:
        return "frontal"
    return "lateral" if axes == {"depth", "height"} else None


def mirrored(value: str) -> bool:
    r"""Whether Patient Orientation says that a frontal view is not shown as a reader sees it.

    That is ``L\F``: the patient's left on the right, the feet below.
    """
    return projection_of_orientation(value) == "frontal" and value.upper().split("\\") != ["L", "F"]


def _axes(value: str) -> set[str]:
    names = {"L": "side", "R": "side", "A": "depth", "P": "depth", "H": "height", "F": "height"}
    directions = value.upper().replace(" ", "").split("\\")
    if len(directions) != 2:
        return set()
    # "LF" is to the left and a little to the feet: the first letter is the main direction. To
    # the left and the front is an oblique, though.
    axes = [{names.get(letter, "") for letter in direction} for direction in directions]
    if any({"side", "depth"} <= one for one in axes):
        return set()
    return {names.get(direction[:1], "") for direction in directions}


def projection_of_words(value: str) -> Projection | None:
    """Return the one projection that words name; None for none, and for several views.

    Protocols are often named after the whole examination ("PA and lateral"): that says nothing
    of one image. "AP decubitus", though, is one view.

    Examples
    --------
    >>> projection_of_words("Thorax seitl."), projection_of_words("CHEST PA/LAT")
    ('lateral', None)
    """
    found = _named(value)
    frontal, rest = found & FRONTAL, found - FRONTAL
    if "lateral" in rest and rest - {"lateral"}:
        rest.discard("lateral")
    elif "lateral" in rest and frontal:
        return None
    if len(rest) == 1:
        return rest.pop()
    if rest:
        return None
    positions = frontal - {"frontal"}
    if len(positions) == 1:
        return positions.pop()
    return "frontal" if frontal else None


def lies(value: str) -> bool:
    """Whether words say that the patient lay in bed, or that the machine was brought to it.

    Examples
    --------
    >>> lies("Chest portable"), lies("Thorax Bettaufnahme")
    (True, True)
    """
    plain = unspaced(value)
    return not _LYING.isdisjoint(words(value)) or any(sign in plain for sign in _LYING_SIGNS)


def _named(value: str) -> set[Projection]:
    listed = words(value)
    found: set[Projection] = set()
    for place, word in enumerate(listed):
        following = listed[place + 1] if place + 1 < len(listed) else ""
        named = _WORDS.get(word) or _PAIRS.get((word, following))
        if named is None or (place and listed[place - 1] in _NEGATIONS):
            continue
        found.add(named)
    if "decubitus" in found and not _BACK_OR_FRONT.isdisjoint(listed):
        found.discard("decubitus")
    plain = unspaced(value)
    found.update(projection for sign, projection in _SIGNS if sign in plain)
    return found
