"""A chest without disease, drawn in units of brightness: what X-rays pass adds up along their way.

Every structure adds what it weakens the beam by and lungs take away, so that ribs show through
the heart and breasts lie over the lungs as on a film. `Build` is a patient's own and the same on
all films; `canvas.Pose` is one film's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cxrmine.phantom.canvas import SIDES, Picture, Pose, Sheet, Window, ellipse, line, soft, step

#: How far the lungs' outer border lies from the midline in a patient of usual width.
_CHEST = 0.355
_APEX = -0.40
_HILUM = -0.045
#: The middle of the heart, before the diaphragm pushes it.
_HEART = 0.115
#: From this share of the chest's width the heart counts as enlarged (cardiothoracic ratio).
ENLARGED = 0.55


@dataclass(frozen=True, slots=True)
class Build:
    """A patient's body.

    Parameters
    ----------
    width : float
        Of the chest, against the usual one.
    fat : float
        Soft tissue around the chest, 0 to 1.
    heart : float
        Cardiothoracic ratio when the heart is not enlarged, 0.40 to 0.50.
    enlarged_heart : float
        The same patient's when it is, 0.565 to 0.665.
    dome_right, dome_left : float
        Height of the diaphragm's domes (``v``).
    breast : float
        0 for men.
    bone : float
        Density of the bones; falls with age.
    aorta : float
        Width of the arch; grows with age.
    rib_spacing, rib_slope, rib_width, rib_offset : float
        Of the ribs behind.
    clavicle : float
        Height of the collar bones.
    curve : float
        Of the spine to one side.
    trees : tuple of int
        Which vessels run in the right and left lung (see `vessel_trees`).
    """

    width: float
    fat: float
    heart: float
    enlarged_heart: float
    dome_right: float
    dome_left: float
    breast: float
    bone: float
    aorta: float
    rib_spacing: float
    rib_slope: float
    rib_width: float
    rib_offset: float
    clavicle: float
    curve: float
    trees: tuple[int, int]


def draw_build(random: np.random.Generator, age: int, sex: str) -> Build:
    """Draw a patient's body.

    Parameters
    ----------
    age : int
        In years: older bones are thinner, older arches wider, older spines less straight.
    sex : str
        ``F`` or ``M``: breasts, and a chest 5 % narrower.
    """
    old = step((age - 25) / 60)
    female = sex == "F"
    return Build(
        width=random.uniform(0.90, 1.08) * (0.96 if female else 1.01),
        fat=random.beta(2, 3),
        heart=random.uniform(0.40, 0.48) + 0.02 * old,
        enlarged_heart=random.uniform(0.565, 0.665),
        dome_right=random.normal(0.205, 0.026),
        dome_left=random.normal(0.222, 0.026),
        breast=random.uniform(0.25, 1.0) if female else 0.0,
        bone=random.uniform(0.85, 1.15) * (1.05 - 0.35 * old * (1.15 if female else 0.85)),
        aorta=random.uniform(0.030, 0.038) + 0.014 * old,
        rib_spacing=random.uniform(0.066, 0.080),
        rib_slope=random.uniform(0.12, 0.42),
        rib_width=random.uniform(0.0085, 0.0120),
        rib_offset=random.uniform(0, 0.08),
        clavicle=random.uniform(-0.33, -0.285),
        curve=random.normal(0, 0.006 + 0.008 * old),
        trees=(int(random.integers(_TREES)), int(random.integers(_TREES))),
    )


def draw_pose(random: np.random.Generator, view: str) -> Pose:
    """Draw how the body lies on a film; portable films (AP) lie worse and are breathed in less."""
    portable = view == "AP"
    loose = 1.35 if portable else 1.0
    return Pose(
        rotation=loose * random.normal(0, 2.2),
        scale=random.uniform(0.84, 1.12),
        shift_u=loose * random.normal(0, 0.024),
        shift_v=loose * random.normal(0, 0.024),
        obliquity=float(np.clip(loose * random.normal(0, 0.35), -1, 1)),
        inspiration=random.normal(-0.030 if portable else 0.004, 0.026),
        view=view,
    )


@dataclass(slots=True)
class Chest:
    """A chest in the making.

    Parameters
    ----------
    sheet : Sheet
    build : Build
    brightness : ndarray of float32, shape (side, side)
        About 0 for air and 1 for the densest bone; changed by whoever draws more.
    lungs : dict of str to ndarray
        By side, 1 where there is lung, of the sheet's shape.
    vessels : ndarray
        What the vessels of the lungs added: air in the pleura takes it away again.
    heart : ndarray
        1 inside the heart.
    heart_ratio : float
        The cardiothoracic ratio that was drawn.
    domes : dict of str to float
        Height of the diaphragm on this film (``v``), by side.
    """

    sheet: Sheet
    build: Build
    brightness: Picture
    lungs: dict[str, Picture]
    vessels: Picture
    heart: Picture
    heart_ratio: float
    domes: dict[str, float]

    def half_width(self, side: str) -> float:
        """Return how far a lung's outer border lies from the midline."""
        turn = 1 + 0.07 * SIDES[side] * self.sheet.pose.obliquity
        return _CHEST * self.build.width * turn

    def clear(self, side: str, window: Window) -> Picture:
        """Return 1 where, in a window, there is a side's lung and no heart before it."""
        return self.lungs[side][window] * (1 - self.heart[window])


def draw_chest(sheet: Sheet, build: Build, *, enlarged: bool, raised: dict[str, float]) -> Chest:
    """Draw the frontal view of a chest without disease, but for the size of the heart.

    Parameters
    ----------
    sheet : Sheet
    build : Build
    enlarged : bool
        Whether the heart is.
    raised : dict of str to float
        By how much a side's diaphragm stands higher than the build says (of a collapsed base).
    """
    u, v, pose = sheet.u, sheet.v, sheet.pose
    wide = _CHEST * build.width
    d = np.abs(u)

    # The trunk: as thick as an ellipse is deep, so that it darkens towards its sides.
    shoulder = np.clip((v + 0.475) / 0.135, 0, 1)
    shoulder = shoulder * shoulder * (3 - 2 * shoulder)
    half = 0.105 + (wide + 0.055 + 0.065 * build.fat - 0.08 * (1 - shoulder)) * shoulder
    inside = d / half
    inside = 1 - inside * inside * inside
    trunk = np.sqrt(np.maximum(inside, 0, out=inside))
    brightness: Picture = trunk * (0.60 + 0.05 * build.fat + 0.12 * v)

    domes = {
        "right": build.dome_right + pose.inspiration - raised.get("right", 0.0),
        "left": build.dome_left + pose.inspiration - raised.get("left", 0.0),
    }
    chest = Chest(sheet, build, brightness, {}, np.zeros_like(u), np.zeros_like(u), 0.0, domes)
    for side, sign in SIDES.items():
        chest.lungs[side] = _lung(chest, side, sign, d)
    both = chest.lungs["right"] + chest.lungs["left"]
    brightness -= both * (0.39 - 0.10 * build.fat * 0.6 + 0.06 * (0.25 - d))

    _spine(chest, d, trunk)
    _mediastinum(chest, enlarged)
    _vessels(chest)
    brightness += chest.vessels
    _ribs(chest, d)
    _clavicles(chest)
    _shoulders(chest)
    if build.breast:
        _breasts(chest)
    _stomach(chest)
    return chest


def _lung(chest: Chest, side: str, sign: int, d: Picture) -> Picture:
    sheet = chest.sheet
    wide = chest.half_width(side)
    dome = chest.domes[side]
    low, high = (-0.02, wide + 0.03)
    window = sheet.window(
        *(
            (-high, _APEX - 0.03, -low, dome + 0.16)
            if sign < 0
            else (low, _APEX - 0.03, high, dome + 0.16)
        )
    )
    lung = np.zeros_like(d)
    u, v = sheet.u[window] * sign, sheet.v[window]
    rise = np.clip((0.02 - v) / (0.02 - _APEX), 0, 1)
    cap = np.sqrt(np.maximum(1 - rise * rise * rise, 0))
    outer = 0.085 + (wide - 0.085) * cap
    inner = 0.030 + 0.055 * (1 - cap)
    # The dome falls away outwards to the costophrenic angle, and a little towards the heart.
    off = u - np.float32(0.17)
    fall = np.where(off > 0, np.float32(2.3), np.float32(0.9))
    floor = np.float32(dome) + fall * off * off
    lung[window] = (
        soft((outer - u) / 0.010) * soft((u - inner) / 0.012) * soft((floor - v) / 0.0045)
    )
    return lung


_TREES = 10
_TREE_SHAPE = (176, 96)


@lru_cache(maxsize=1)
def vessel_trees() -> tuple[Picture, ...]:
    """Return branching vessels of a lung, from the hilum (left edge, middle) outwards.

    Grown at random once a process: every branch parts in two, each thinner and shorter.
    """
    random = np.random.default_rng(1895)
    trees = []
    for _ in range(_TREES):
        # A sheet of its own: u from 0 to 0.545, v ±0.5 of its height.
        sheet = Sheet(_TREE_SHAPE[0], Pose(shift_u=-0.5 + 0.04))
        picture = np.zeros_like(sheet.u)
        for angle in np.linspace(-1.35, 1.35, 7) + random.normal(0, 0.12, 7):
            _branch(sheet, picture, random, 0.0, 0.0, float(angle), 0.0105, 0.14, 0)
        trees.append(np.minimum(picture[:, : _TREE_SHAPE[1]], 1.4))
    return tuple(trees)


def _branch(
    sheet: Sheet,
    picture: Picture,
    random: np.random.Generator,
    u: float,
    v: float,
    angle: float,
    width: float,
    length: float,
    depth: int,
) -> None:
    bend = random.normal(0, 0.18)
    points = [(u, v)]
    for k in range(3):
        u += length / 3 * math.cos(angle + bend * k / 2)
        v += length / 3 * math.sin(angle + bend * k / 2)
        points.append((u, v))
    line(sheet, picture, np.array(points), width, 0.95 - 0.16 * depth)
    if depth < 3:
        for turn in (random.uniform(0.2, 0.6), -random.uniform(0.2, 0.6)):
            _branch(
                sheet,
                picture,
                random,
                u,
                v,
                angle + bend + turn,
                width * random.uniform(0.6, 0.75),
                length * random.uniform(0.62, 0.85),
                depth + 1,
            )


def _vessels(chest: Chest) -> None:
    sheet = chest.sheet
    for side, sign in SIDES.items():
        tree = vessel_trees()[chest.build.trees[sign > 0]]
        wide, dome = chest.half_width(side), chest.domes[side]
        reach = (0.02, _APEX, wide, dome + 0.12)
        window = sheet.window(*(reach if sign > 0 else (-reach[2], reach[1], -reach[0], reach[3])))
        across = (sheet.u[window] * sign - 0.045) * (_TREE_SHAPE[1] / (1.06 * (wide - 0.045)))
        down = sheet.v[window] - _HILUM
        stretch = 0.5 / max(dome + 0.09 - _HILUM, 0.2)
        down = (np.where(down > 0, down * stretch, down * 1.38) + 0.5) * _TREE_SHAPE[0]
        # Beyond the tree there is nothing, and not its last row again and again.
        inside = (down > 0) & (down < _TREE_SHAPE[0] - 1) & (across < _TREE_SHAPE[1] - 1)
        column = np.clip(across, 0, _TREE_SHAPE[1] - 1.01)
        row = np.clip(down, 0, _TREE_SHAPE[0] - 1.01)
        i, j = row.astype(np.intp), column.astype(np.intp)
        fi, fj = row - i, column - j
        at = i * _TREE_SHAPE[1] + j
        flat = tree.ravel()
        top = flat[at] * (1 - fj) + flat[at + 1] * fj
        low = flat[at + _TREE_SHAPE[1]] * (1 - fj) + flat[at + _TREE_SHAPE[1] + 1] * fj
        grown = (top * (1 - fi) + low * fi).astype(np.float32)
        behind = 1 - 0.75 * chest.heart[window]
        chest.vessels[window] += 0.13 * grown * inside * chest.lungs[side][window] * behind


def _spine(chest: Chest, d: Picture, trunk: Picture) -> None:
    sheet, build = chest.sheet, chest.build
    window = sheet.window(-0.09, -0.5, 0.09, 0.5)
    v = sheet.v[window]
    bend = build.curve * np.sin(np.float32(4.2) * v + 1) + 0.012 * sheet.pose.obliquity
    off = np.abs(sheet.u[window] - bend)
    column = soft((0.034 + 0.010 * v - off) / 0.008)
    bodies = np.cos(np.float32(2 * math.pi / 0.058) * v)
    shade = column * (0.075 + 0.030 * bodies) + 0.03 * np.exp(-(((off - 0.022) / 0.006) ** 2)) * (
        bodies > 0.2
    )
    chest.brightness[window] += build.bone * shade * trunk[window]


def _mediastinum(chest: Chest, enlarged: bool) -> None:
    sheet, build = chest.sheet, chest.build
    ratio = build.enlarged_heart if enlarged else build.heart
    # From the front, and with a high diaphragm, the same heart looks larger.
    if sheet.pose.view == "AP" and not enlarged:
        ratio = min(1.05 * ratio, 0.52)
    chest.heart_ratio = ratio
    wide = ratio * 2 * _CHEST * build.width
    low = (chest.domes["right"] + chest.domes["left"]) / 2 - 0.21
    centre_v = _HEART + 0.9 * low
    # Two thirds of it lie to the left of the midline.
    cu = 0.17 * wide + 0.02 * sheet.pose.obliquity
    rv = 0.118 + 0.30 * (wide / 2 - 0.15)
    window = sheet.window(cu - 0.4, centre_v - 0.24, cu + 0.4, centre_v + 0.3)
    u, v = sheet.u[window], sheet.v[window]
    lean = u - 0.22 * (v - centre_v)
    body = ellipse(lean, v, cu, centre_v, wide / 2, rv, 0.075)
    atrium = ellipse(u, v, cu - 0.27 * wide, centre_v - 0.02, 0.25 * wide, 0.085, 0.12)
    heart = np.maximum(body, atrium)
    chest.heart[window] = heart
    air = chest.lungs["right"][window] + chest.lungs["left"][window]
    chest.brightness[window] += heart * (0.40 * air + 0.045)

    window = sheet.window(-0.15, -0.5, 0.15, 0.42)
    u, v = sheet.u[window], sheet.v[window]
    off = np.abs(u - 0.006)
    band = soft((0.050 + 0.035 * np.maximum(v + 0.1, 0) - off) / 0.012)
    arch = ellipse(u, v, 0.040, -0.185, build.aorta + 0.01, build.aorta + 0.012, 0.18)
    descending = soft((0.014 - np.abs(u - 0.052)) / 0.010) * soft((v + 0.18) / 0.02)
    windpipe = soft((0.0135 - np.abs(u - 0.004)) / 0.006) * soft((-0.12 - v) / 0.03)
    middle = np.maximum(np.maximum(band, 0.9 * arch), 0.6 * descending)
    for sign in (-1, 1):
        hilum = ellipse(u, v, sign * 0.078, _HILUM + 0.012 * sign, 0.040, 0.058, 0.55)
        middle = np.maximum(middle, 0.55 * hilum)
    # Inside the lungs the middle takes the air's place; elsewhere it lies in tissue already.
    air = chest.lungs["right"][window] + chest.lungs["left"][window]
    chest.brightness[window] += middle * (0.34 * air + 0.03) * (1 - chest.heart[window])
    chest.brightness[window] -= 0.075 * windpipe


def _ribs(chest: Chest, d: Picture) -> None:
    sheet, build = chest.sheet, chest.build
    wide = _CHEST * build.width
    window = sheet.window(-wide - 0.05, -0.42, wide + 0.05, 0.40)
    u, v, d = sheet.u[window], sheet.v[window], d[window]
    cage = soft((1 - ((u / (wide + 0.018)) ** 2 + ((v - 0.0) / 0.43) ** 2)) / 0.06)
    for rise, bend, width, strength in (
        (build.rib_slope, 1.15, build.rib_width, 0.064),
        (-0.62, 0.25, build.rib_width * 1.1, 0.034),
    ):
        # Behind, ribs leave the spine level and fall outwards; in front they rise outwards.
        arc = v - rise * d - bend * (d - 0.12) ** 2 - build.rib_offset
        across = np.abs(arc / build.rib_spacing - np.rint(arc / build.rib_spacing))
        across *= build.rib_spacing / width
        band = soft((1 - across) / 0.35) * (0.62 + 0.38 * across * across)
        chest.brightness[window] += build.bone * strength * band * cage * soft((d - 0.05) / 0.02)


def _clavicles(chest: Chest) -> None:
    height = chest.build.clavicle - (0.02 if chest.sheet.pose.view == "AP" else 0)
    t = np.linspace(0, 1, 9)
    for side, sign in SIDES.items():
        wide = chest.half_width(side)
        u = sign * (0.035 + (wide - 0.02) * t)
        v = height + 0.045 - 0.075 * t + 0.014 * np.sin(2 * math.pi * t)
        line(
            chest.sheet,
            chest.brightness,
            np.column_stack([u, v]),
            0.0105,
            0.105 * chest.build.bone,
        )


def _shoulders(chest: Chest) -> None:
    sheet = chest.sheet
    for sign in (-1, 1):
        cu = sign * (_CHEST * chest.build.width + 0.055)
        window = sheet.window(cu - 0.08, -0.42, cu + 0.08, -0.22)
        head = ellipse(sheet.u[window], sheet.v[window], cu, -0.325, 0.05, 0.052, 0.15)
        chest.brightness[window] += 0.10 * chest.build.bone * head
        # The shoulder blade's edge; on portable films it lies over the lung.
        inwards = 0.06 if sheet.pose.view == "AP" else 0.015
        edge = np.array(
            [(cu - sign * (0.02 + inwards), -0.26), (cu - sign * (0.05 + inwards), -0.04)]
        )
        line(sheet, chest.brightness, edge, 0.012, 0.045)


def _breasts(chest: Chest) -> None:
    sheet, size = chest.sheet, chest.build.breast
    for side, sign in SIDES.items():
        cu = sign * 0.56 * chest.half_width(side)
        cv = 0.10 + 0.08 * size
        rv = 0.13 + 0.05 * size
        window = sheet.window(cu - 0.25, cv - rv - 0.05, cu + 0.25, cv + rv + 0.05)
        u, v = sheet.u[window], sheet.v[window]
        shade = ellipse(u, v, cu, cv, 0.155 + 0.05 * size, rv, 0.10)
        # Thick below, thin above: only the lower edge shows as a line.
        chest.brightness[window] += (
            (0.025 + 0.065 * size) * shade * np.clip((v - cv) / rv + 0.75, 0, 1)
        )


def _stomach(chest: Chest) -> None:
    dome = chest.domes["left"]
    window = chest.sheet.window(0.03, dome, 0.30, dome + 0.2)
    u, v = chest.sheet.u[window], chest.sheet.v[window]
    rest = 1 - chest.lungs["left"][window]
    bubble = ellipse(u, v, 0.155, dome + 0.070, 0.065, 0.038, 0.3)
    chest.brightness[window] -= 0.17 * bubble * rest
