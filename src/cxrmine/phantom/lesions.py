"""The eight findings of ChestX-ray8, planned as a radiologist would say them, and drawn.

A `Lesion` is planned once for a study (side, zone, size), so that the report and all films of the
study speak of the same thing. Drawing adds it to a chest and returns its true box: the extent of
what it changed, not of what it was planned to be, because part of it may lie behind the heart's
edge, below the diaphragm or off the film.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cxrmine.phantom.anatomy import Chest
from cxrmine.phantom.canvas import SIDES, Picture, Window, ellipse, line, soft, texture

#: ChestX-ray8's findings in the paper's order (Wang et al. 2017, Table 1).
FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
)

ZONES = ("upper", "mid", "lower")
#: The middle of each zone of the lung (``v``), and half its height.
_ZONE = {"upper": (-0.205, 0.055), "mid": (-0.060, 0.055), "lower": (0.085, 0.055)}

#: What a lesion's brightness is multiplied by.
DIFFICULTIES = {"easy": 1.4, "standard": 1.0, "hard": 0.6}

#: A box is the extent of what differs by more than this share of the lesion's strongest change.
_EDGE = 0.3


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion of a study.

    Parameters
    ----------
    finding : str
        Of `FINDINGS`.
    side : str
        ``right`` or ``left``; blank for the heart.
    zone : str
        ``upper``, ``mid`` or ``lower``; blank where the finding has its own place.
    size : float
        0 to 1, from the smallest that the finding can be to the largest.
    place : float
        0 to 1, from the hilum outwards.
    height : float
        -1 to 1, within the zone.
    seed : int
        Of its shape: the same on all films of the study.
    """

    finding: str
    side: str
    zone: str
    size: float
    place: float
    height: float
    seed: int


def plan_lesions(random: np.random.Generator, findings: Sequence[str]) -> tuple[Lesion, ...]:
    """Plan the lesions of a study: one or several for every finding.

    Parameters
    ----------
    random : Generator
    findings : sequence of str
        Of `FINDINGS`.

    Returns
    -------
    tuple of Lesion
        Effusions lie on both sides in 3 of 10, infiltrates in 1 of 4; nodules are up to three.

    Raises
    ------
    ValueError
        If a finding is none of `FINDINGS`.
    """
    lesions: list[Lesion] = []
    for finding in findings:
        if finding not in FINDINGS:
            raise ValueError(f"no finding {finding!r}; there are {', '.join(FINDINGS)}")
        if finding == "Cardiomegaly":
            lesions.append(_plan(random, finding, "", ""))
            continue
        sides = ["right", "left"]
        random.shuffle(sides)
        number = 1
        if finding == "Effusion":
            number = 1 + (random.random() < 0.3)
        elif finding == "Infiltration":
            number = 1 + (random.random() < 0.25)
        elif finding == "Nodule":
            number = int(random.choice([1, 2, 3], p=[0.65, 0.25, 0.10]))
        for k in range(number):
            side = sides[k % 2]
            zone = ""
            if finding in ("Mass", "Nodule", "Infiltration"):
                zone = str(random.choice(ZONES))
            elif finding == "Pneumonia":
                zone = str(random.choice(ZONES, p=[0.25, 0.30, 0.45]))
            elif finding == "Atelectasis":
                zone = str(random.choice(["mid", "lower"], p=[0.35, 0.65]))
            lesions.append(_plan(random, finding, side, zone))
    return tuple(lesions)


def _plan(random: np.random.Generator, finding: str, side: str, zone: str) -> Lesion:
    return Lesion(
        finding,
        side,
        zone,
        random.random(),
        random.random(),
        random.uniform(-1, 1),
        int(random.integers(2**31)),
    )


#: A lesion's box on the sheet, in pixels of the sheet: left, top, width, height.
SheetBox = tuple[float, float, float, float]


def draw_lesion(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """Draw a lesion into a chest and return its true box.

    Parameters
    ----------
    chest : Chest
        Changed in place. For Cardiomegaly it must have been drawn with its heart enlarged.
    lesion : Lesion
    contrast : float
        What its brightness is multiplied by; the heart's size is not a matter of brightness.

    Returns
    -------
    tuple of float or None
        Left, top, width and height in pixels of the sheet; None if nothing of it can be seen.
    """
    return _DRAW[lesion.finding](chest, lesion, contrast)


def raised_domes(lesions: Sequence[Lesion]) -> dict[str, float]:
    """Return by how much collapsed bases pull up the diaphragm (a sign of volume loss)."""
    raised: dict[str, float] = {}
    for lesion in lesions:
        if lesion.finding == "Atelectasis" and lesion.zone == "lower":
            raised[lesion.side] = 0.010 + 0.012 * lesion.size
    return raised


def _extent(chest: Chest, window: Window, change: Picture) -> SheetBox | None:
    """Return the extent of what a lesion changed, None if that is next to nothing."""
    if not change.size:
        return None
    peak = float(change.max())
    if peak < 0.008:
        return None
    seen = change > _EDGE * peak
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    top, left = int(rows[0]), int(columns[0])
    return (
        float(left + window[1].start),
        float(top + window[0].start),
        float(int(columns[-1]) + 1 - left),
        float(int(rows[-1]) + 1 - top),
    )


def _add(chest: Chest, window: Window, change: Picture) -> SheetBox | None:
    chest.brightness[window] += change
    return _extent(chest, window, change)


def _centre(chest: Chest, lesion: Lesion, radius: float) -> tuple[float, float]:
    """Return where a lesion of the lung lies, wholly inside its aerated part where it fits.

    The heart's border, the diaphragm and the narrowing apex are those of this film.
    """
    sign = SIDES[lesion.side]
    middle, half = _ZONE[lesion.zone]
    dome = chest.domes[lesion.side]
    # Zones move with the diaphragm, the lower ones most.
    share = (middle + 0.40) / 0.62
    v = -0.40 + share * (dome + 0.40) + half * lesion.height
    v = min(max(v, -0.40 + 1.6 * radius + 0.03), dome - 0.75 * radius)
    row = int(np.clip(chest.sheet.pixel(0, v)[1], 0, chest.sheet.side - 1))
    wide = chest.half_width(lesion.side)
    rise = min(max((0.02 - v) / 0.42, 0.0), 1.0)
    outer = 0.085 + (wide - 0.085) * math.sqrt(max(1 - rise**3, 0.0))
    # The heart's border on this row, as it was drawn.
    behind = chest.heart[row] > 0.5
    edge = float(np.max(chest.sheet.u[row] * sign, where=behind, initial=0.06))
    inner = max(edge, 0.085) + 0.6 * radius
    outer -= 0.75 * radius + 0.005
    if inner > outer:
        return sign * (inner + outer) / 2, v
    return sign * (inner + lesion.place * (outer - inner)), v


def _blobs(
    chest: Chest,
    lesion: Lesion,
    radius: float,
    number: int,
    spread: float,
    edge: float,
    flat: float = 1.0,
) -> tuple[Window, Picture]:
    """Return the union of some ellipses around a lesion's place, in a window just wide enough."""
    random = np.random.default_rng(lesion.seed)
    cu, cv = _centre(chest, lesion, radius)
    reach = radius * 1.55
    window = chest.sheet.window(cu - reach, cv - reach, cu + reach, cv + reach)
    u, v = chest.sheet.u[window], chest.sheet.v[window]
    shape = np.zeros_like(u)
    for k in range(number):
        turn, far = random.uniform(0, 2 * math.pi), spread * radius * (k > 0)
        own = radius * (random.uniform(0.75, 0.95) if k == 0 else random.uniform(0.45, 0.65))
        part = ellipse(
            u,
            v,
            cu + far * math.cos(turn),
            cv + flat * far * math.sin(turn),
            own * random.uniform(0.9, 1.1),
            flat * own * random.uniform(0.9, 1.1),
            edge,
        )
        np.maximum(shape, part, out=shape)
    return window, shape


def _nodule(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    # Up to 3 cm across (Fleischner glossary), that is 0.08 of a sheet of 38 cm.
    radius = 0.0260 + 0.0125 * lesion.size
    window, shape = _blobs(chest, lesion, radius, 1, 0.0, 0.16)
    return _add(chest, window, contrast * 0.30 * shape * _air(chest, lesion, window))


def _mass(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    radius = 0.052 + 0.034 * lesion.size
    window, shape = _blobs(chest, lesion, radius, 5, 0.45, 0.10)
    return _add(chest, window, contrast * 0.265 * shape * _air(chest, lesion, window))


def _air(chest: Chest, lesion: Lesion, window: Window) -> Picture:
    return chest.clear(lesion.side, window)


def _infiltration(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """Ill-defined patches of coarse, blotchy markings that the lung's air still parts."""
    radius = 0.070 + 0.045 * lesion.size
    window, shape = _blobs(chest, lesion, radius, 5, 0.55, 0.55)
    random = np.random.default_rng(lesion.seed + 1)
    rough = texture(shape.shape, 0, random) if shape.size else shape
    patches = np.clip(0.55 + 0.75 * rough, 0, 1.9)
    change = contrast * 0.135 * shape * patches * _air(chest, lesion, window)
    chest.brightness[window] += change
    return _extent(chest, window, 0.135 * contrast * shape * _air(chest, lesion, window))


def _pneumonia(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """A dense, confluent part of a lobe, cut straight by a fissure, with dark bronchi in it."""
    radius = 0.080 + 0.035 * lesion.size
    window, shape = _blobs(chest, lesion, radius, 6, 0.50, 0.22, flat=0.9)
    if not shape.size:
        return None
    sheet, sign = chest.sheet, SIDES[lesion.side]
    u, v = sheet.u[window] * sign, sheet.v[window]
    cu, cv = _centre(chest, lesion, radius)
    # Upper lobes end below at a fissure, the others above at one.
    below = lesion.zone == "upper"
    slope = (0.10 if below else 0.28) * (1 if lesion.seed % 2 else -1)
    fissure = cv + (0.45 if below else -0.45) * radius + slope * (u - abs(cu))
    shape = shape * soft((fissure - v if below else v - fissure) / 0.006)
    change = contrast * 0.225 * shape * _air(chest, lesion, window)
    bronchi = np.zeros_like(chest.brightness[window])
    random = np.random.default_rng(lesion.seed + 2)
    turn = math.atan2(cv + 0.045, abs(cu) - 0.08)
    for _ in range(3):
        angle = turn + random.normal(0, 0.45)
        du, dv = math.cos(angle), math.sin(angle)
        along = (u - abs(cu)) * du + (v - cv) * dv
        across = (v - cv) * du - (u - abs(cu)) * dv - random.normal(0, 0.25) * radius
        near = soft((0.8 * radius - np.abs(along)) / 0.02)
        np.maximum(bronchi, np.maximum(1 - (across / 0.0065) ** 2, 0) * near, out=bronchi)
    chest.brightness[window] += change * (1 - 0.55 * bronchi)
    return _extent(chest, window, change)


def _atelectasis(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """Plates: one to three thin dense bands, roughly level, that end abruptly."""
    length = 0.068 + 0.034 * lesion.size
    random = np.random.default_rng(lesion.seed)
    cu, cv = _centre(chest, lesion, length * 0.8)
    if lesion.zone == "lower":
        cv = min(cv + 0.02, chest.domes[lesion.side] - 0.022)
    reach = length * 1.3
    window = chest.sheet.window(cu - reach, cv - 0.09, cu + reach, cv + 0.09)
    drawn = np.zeros_like(chest.brightness)
    slope = random.normal(0, 0.22)
    t = np.linspace(-1, 1, 5)
    number = int(random.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    for k in range(number):
        half = length * random.uniform(0.75, 1.1)
        down = (k - (number - 1) / 2) * random.uniform(0.028, 0.036)
        points = np.column_stack(
            [
                cu + random.normal(0, 0.012) + half * t,
                cv + down + half * slope * t + random.normal(0, 0.006) * t * t,
            ]
        )
        line(chest.sheet, drawn, points, random.uniform(0.0080, 0.0105), 1.0)
    change = contrast * 0.28 * drawn[window] * _air(chest, lesion, window)
    return _add(chest, window, change)


def _effusion(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """Fluid from the costophrenic angle up, its surface a meniscus that rises outwards."""
    sign, dome = SIDES[lesion.side], chest.domes[lesion.side]
    wide = chest.half_width(lesion.side)
    top = dome + 0.030 - (0.050 + 0.120 * lesion.size)
    window = chest.sheet.window(
        *((-wide - 0.03, top - 0.1, -0.02, dome + 0.16))
        if sign < 0
        else (0.02, top - 0.1, wide + 0.03, dome + 0.16)
    )
    u, v = chest.sheet.u[window] * sign, chest.sheet.v[window]
    # Against the chest wall it stands highest, towards the heart again a little.
    out = np.clip((u - 0.10) / (wide - 0.10), 0, 1)
    surface = top + 0.062 * (1 - out * out * out) - 0.018 * np.clip((0.13 - u) / 0.06, 0, 1)
    fluid = soft((v - surface) / 0.016)
    lung = chest.lungs[lesion.side][window]
    # Down to the soft edge of the lung, or a dark rim would stay around the fluid.
    change = fluid * lung * np.clip(contrast, 0, 1.15) * 0.335 * (1 - 0.9 * chest.heart[window])
    chest.brightness[window] -= np.minimum(0.8, contrast) * fluid * chest.vessels[window]
    return _add(chest, window, change)


def _pneumothorax(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    """Air outside the lung: a strip without vessels, a thin pleural line, a denser lung inside."""
    sheet, sign = chest.sheet, SIDES[lesion.side]
    wide = chest.half_width(lesion.side)
    gap = 0.042 + 0.046 * lesion.size
    low = -0.02 + 0.16 * lesion.place
    window = sheet.window(
        *((-wide - 0.03, -0.42, 0, low + 0.05) if sign < 0 else (0, -0.42, wide + 0.03, low + 0.05))
    )
    u, v = sheet.u[window] * sign, sheet.v[window]
    rise = np.clip((0.02 - v) / 0.42, 0, 1)
    cap = np.sqrt(np.maximum(1 - rise * rise * rise, 0))
    outer = 0.085 + (wide - 0.085) * cap
    # Widest at the apex; it tapers off along the chest wall.
    taper = np.clip((low - v) / (low + 0.34), 0, 1)
    inside = outer - gap * (0.30 + 0.70 * taper) * np.clip(8 * taper, 0, 1)
    apex = -0.385 + 1.1 * gap
    # The lesser of the two, its corner rounded.
    lateral, above = inside - u, (v - apex) * 0.9
    off = lateral - above
    depth = (lateral + above - np.sqrt(off * off + np.float32(0.0025))) / 2 + np.float32(0.004)
    lung = chest.lungs[lesion.side][window]
    outside = soft(-depth / 0.004) * lung * (taper > 0)
    air = 0.62 + 0.38 * contrast
    chest.brightness[window] -= outside * np.minimum(air, 1.0) * chest.vessels[window]
    chest.brightness[window] -= contrast * 0.10 * outside
    pleura = np.maximum(1 - (depth / 0.0058) ** 2, 0) * lung * (taper > 0)
    chest.brightness[window] += contrast * 0.13 * pleura
    chest.brightness[window] += 0.03 * contrast * lung * (1 - outside) * (taper > 0)
    return _extent(chest, window, 0.10 * contrast * outside)


def _cardiomegaly(chest: Chest, lesion: Lesion, contrast: float) -> SheetBox | None:
    window = (slice(0, chest.sheet.side), slice(0, chest.sheet.side))
    above = np.where(chest.heart > 0.5, np.float32(1), np.float32(0))
    # What lies below the diaphragm cannot be told from the abdomen.
    dome = max(chest.domes.values()) + 0.02
    above *= chest.sheet.v < dome
    return _extent(chest, window, above)


_DRAW: dict[str, Callable[[Chest, Lesion, float], SheetBox | None]] = {
    "Atelectasis": _atelectasis,
    "Cardiomegaly": _cardiomegaly,
    "Effusion": _effusion,
    "Infiltration": _infiltration,
    "Mass": _mass,
    "Nodule": _nodule,
    "Pneumonia": _pneumonia,
    "Pneumothorax": _pneumothorax,
}
