"""Chest radiographs drawn with NumPy: ellipses, gradients and noise; no patient was ever near them.

A picture is an array of grey values in [0, 1], dense bright, as a reader should see it: whoever
stores it (``hospital.py``) may invert, window or compress it, and the picture remains the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
#: A finding and its box ``(x, y, width, height)`` in pixels of the drawn picture.
DrawnBox = tuple[str, tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The picture in the making; ``u`` runs from left to right, ``v`` down, both in [0, 1]."""

    u: Picture
    v: Picture
    picture: Picture
    lungs: Picture
    random: np.random.Generator

    def blend(self, mask: Picture, grey: float, strength: float = 1.0) -> None:
        self.picture[...] += np.float32(strength) * mask * (np.float32(grey) - self.picture)

    def cloud(self, mask: Picture, grey: float, strength: float = 1.0) -> None:
        """Blend, but darken nothing: fluid and tissue only ever add."""
        before = self.picture.copy()
        self.blend(mask, grey, strength)
        np.maximum(self.picture, before, out=self.picture)

    def blob(self, cu: float, cv: float, ru: float, rv: float, edge: float = 0.15) -> Picture:
        return _ellipse(self.u, self.v, cu, cv, ru, rv, edge)


def draw_chest(
    size: tuple[int, int],
    seed: int,
    *,
    findings: Sequence[str] = (),
    side: str = "right",
    noise: float = 0.004,
) -> tuple[Picture, tuple[DrawnBox, ...]]:
    """Draw a frontal chest radiograph.

    Parameters
    ----------
    size : (int, int)
        Rows and columns.
    seed : int
        The patient's build, and the noise.
    findings : sequence of str
        Of `FINDINGS`, drawn in this order.
    side : {"right", "left"}
        The patient's side of findings that have one; his right is the picture's left.
    noise : float
        Standard deviation of the noise, in grey (full scale 1).

    Returns
    -------
    picture : ndarray of float32, shape (rows, columns)
        Grey values in [0, 1], bone and fluid bright.
    boxes : tuple of (str, (x, y, width, height))
        One a finding, in pixels.
    """
    rows, columns = size
    random = np.random.default_rng(seed)
    build = random.uniform(-1, 1, 4)
    u, v = _grid(rows, columns)
    d = np.abs(u - 0.5)
    emphysema, cardiomegaly = "Emphysema" in findings, "Cardiomegaly" in findings

    trunk = _soft((0.11 + 0.37 * _step((v - 0.03) / 0.17) - d) / 0.012)
    picture = 0.02 + trunk * (0.58 + 0.10 * v)
    lungs = np.zeros_like(u)
    for sign in (-1, 1):
        centre = 0.5 + sign * (0.215 + 0.008 * build[0])
        low = 0.745 + 0.02 * (sign > 0) + 0.015 * build[1] + 0.06 * emphysema
        radius = (0.165 + 0.008 * build[0]) * (0.62 + 0.38 * _step((v - 0.1) / 0.3))
        inside = 1 - np.hypot((u - centre) / radius, (v - 0.47) / (0.36 + 0.03 * emphysema))
        floor = low + (0.3 if emphysema else 1.7) * (u - centre + sign * 0.02) ** 2
        lungs = np.maximum(lungs, _soft(inside / 0.035) * _soft((floor - v) / 0.006))
    picture -= lungs * (0.46 + 0.07 * emphysema)

    canvas = _Canvas(u, v, picture.astype(np.float32), lungs, random)
    _vessels(canvas)
    canvas.blend(_soft((0.052 + 0.012 * v - d) / 0.012) * trunk, 0.72, 0.75)
    vertebrae = 0.5 + 0.5 * np.cos(2 * np.pi * v / 0.055)
    canvas.picture[...] += 0.05 * vertebrae * _soft((0.035 - d) / 0.006) * trunk
    width = 0.205 if cardiomegaly else 0.135 + 0.006 * build[2]
    heart_left = 0.53 + (0.03 if cardiomegaly else 0.0)
    canvas.blend(canvas.blob(heart_left, 0.635, width, 0.13 + 0.3 * (width - 0.13), 0.07), 0.80)
    canvas.blend(canvas.blob(0.557, 0.335, 0.04, 0.042, 0.2), 0.75, 0.7)
    canvas.blend(canvas.blob(0.66, 0.86, 0.07, 0.045, 0.25), 0.30, 0.6)  # the stomach's air
    _bones(canvas, d, trunk)

    boxes = tuple((name, _pixels(FINDINGS[name](canvas, side), rows, columns)) for name in findings)
    _marker(canvas)
    canvas.picture[...] += noise * random.standard_normal(u.shape, dtype=np.float32)
    return np.clip(canvas.picture, 0, 1), boxes


def draw_lateral(size: tuple[int, int], seed: int, *, noise: float = 0.004) -> Picture:
    """Draw a lateral view: the spine behind (right), the heart in front (left)."""
    random = np.random.default_rng(seed)
    u, v = _grid(*size)
    trunk = _soft((0.3 + 0.14 * _step((v - 0.05) / 0.3) - np.abs(u - 0.5)) / 0.015)
    picture = (0.02 + trunk * (0.55 + 0.12 * v)).astype(np.float32)
    lung = _ellipse(u, v, 0.48, 0.45, 0.30, 0.34, 0.05) * _soft((0.72 + 0.25 * u - v) / 0.01)
    canvas = _Canvas(u, v, picture, lung, random)
    canvas.blend(lung, 0.2, 0.9)
    spine = 0.76 + 0.06 * np.sin(3.0 * v)
    canvas.blend(_soft((0.055 - np.abs(u - spine)) / 0.008) * trunk, 0.7, 0.8)
    canvas.picture[...] += (
        0.06 * np.cos(2 * np.pi * v / 0.06) * _soft((0.05 - np.abs(u - spine)) / 0.01)
    )
    canvas.blend(canvas.blob(0.38, 0.6, 0.13, 0.14, 0.1), 0.75, 0.9)
    canvas.picture[...] += noise * random.standard_normal(u.shape, dtype=np.float32)
    return np.clip(canvas.picture, 0, 1)


def draw_hand(size: tuple[int, int], seed: int, *, noise: float = 0.004) -> Picture:
    """Draw a hand, roughly: what does not belong in a set of chest radiographs."""
    random = np.random.default_rng(seed)
    u, v = _grid(*size)
    canvas = _Canvas(u, v, np.full_like(u, 0.03), np.zeros_like(u), random)
    canvas.blend(canvas.blob(0.5, 0.72, 0.2, 0.2, 0.08), 0.6)
    for k in range(5):
        canvas.blend(
            canvas.blob(0.26 + 0.12 * k, 0.4 + 0.03 * (k - 2) ** 2, 0.045, 0.27, 0.1), 0.65, 0.8
        )
    canvas.picture[...] += noise * random.standard_normal(u.shape, dtype=np.float32)
    return np.clip(canvas.picture, 0, 1)


def _grid(rows: int, columns: int) -> tuple[Picture, Picture]:
    v, u = np.meshgrid(
        (np.arange(rows, dtype=np.float32) + 0.5) / rows,
        (np.arange(columns, dtype=np.float32) + 0.5) / columns,
        indexing="ij",
    )
    return u, v


def _soft(x: Picture) -> Picture:
    """0 well below zero, 1 well above, smooth between (the logistic function by its tangent)."""
    return 0.5 + 0.5 * np.tanh(x / 2)


def _step(x: Picture) -> Picture:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _ellipse(
    u: Picture, v: Picture, cu: float, cv: float, ru: float, rv: float, edge: float
) -> Picture:
    return _soft((1 - np.hypot((u - cu) / ru, (v - cv) / rv)) / edge)


def _vessels(canvas: _Canvas) -> None:
    """Bronchovascular markings: wavering rays from both hila that fade outwards."""
    for sign in (-1, 1):
        x, y = canvas.u - (0.5 + sign * 0.075), canvas.v - 0.46
        r = np.hypot(x, y)
        angle = np.arctan2(y, sign * x)
        phase = canvas.random.uniform(0, 2 * np.pi, 2)
        ray = np.cos(8 * angle + phase[0] + 1.5 * np.sin(14 * r + phase[1]))
        fade = np.exp(-r / 0.11) * (sign * x > -0.02)
        canvas.picture[...] += canvas.lungs * fade * (0.10 + 0.22 * np.maximum(ray, 0) ** 6)


def _bones(canvas: _Canvas, d: Picture, trunk: Picture) -> None:
    u, v = canvas.u, canvas.v
    cage = _soft((1 - np.hypot((u - 0.5) / 0.43, (v - 0.5) / 0.42)) / 0.03)
    spacing = 0.078
    for rise, offset, strength in ((0.16, 0.0, 0.075), (-0.55, 0.03, 0.035)):
        # Behind, ribs leave the spine level and fall outwards; in front they rise outwards.
        arc = v - rise * d - (0.9 * (d - 0.2) ** 2 if rise > 0 else 0.3 * d * d) - offset
        across = (np.mod(arc / spacing, 1) - 0.5) * spacing
        band = np.exp(-((across / 0.011) ** 4))
        canvas.picture[...] += strength * band * cage * _soft((d - 0.05) / 0.01)
    collar = v - (0.205 - 0.19 * (d - 0.04) - 0.03 * np.sin(16 * d))
    bone = np.exp(-((collar / 0.012) ** 4)) * _soft((d - 0.035) / 0.006) * _soft((0.36 - d) / 0.006)
    canvas.picture[...] += 0.13 * bone * trunk


def _marker(canvas: _Canvas) -> None:
    """Draw a lead letter L beside the patient's left shoulder, which tells a flipped picture."""
    u, v = canvas.u, canvas.v
    stem = (u > 0.93) & (u < 0.94) & (v > 0.03) & (v < 0.08)
    foot = (u > 0.93) & (u < 0.965) & (v > 0.07) & (v < 0.08)
    canvas.picture[stem | foot] = 0.97


def _pixels(
    box: tuple[float, float, float, float], rows: int, columns: int
) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    x, y = round(left * columns), round(top * rows)
    return float(x), float(y), float(round(right * columns) - x), float(round(bottom * rows) - y)


_Finding = Callable[[_Canvas, str], tuple[float, float, float, float]]


def _sign(side: str) -> int:
    return {"right": -1, "left": 1}[side]


def _cardiomegaly(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    return 0.33, 0.47, 0.78, 0.80  # the heart itself is drawn by draw_chest


def _emphysema(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    for sign in (-1, 1):
        bulla = canvas.blob(0.5 + sign * 0.22, 0.26, 0.08, 0.09, 0.1)
        canvas.blend(bulla * canvas.lungs, 0.05, 0.7)
    return 0.13, 0.09, 0.87, 0.82


def _effusion(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    centre = 0.5 + _sign(side) * 0.215
    meniscus = 0.66 - 1.8 * (canvas.u - centre) ** 2
    near = _soft((0.21 - np.abs(canvas.u - centre)) / 0.01)
    # The whole of the lung's soft edge, or a dark rim would stay around the fluid.
    lung = np.minimum(12 * canvas.lungs, 1)
    canvas.cloud(_soft((canvas.v - meniscus) / 0.012) * near * lung, 0.72)
    return centre - 0.165, 0.6, centre + 0.165, 0.82


def _opacity(cv: float, ru: float, rv: float, grey: float) -> _Finding:
    def draw(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
        cu = 0.5 + _sign(side) * 0.225
        patch = np.zeros_like(canvas.u)
        for du, dv in canvas.random.uniform(-0.4, 0.4, (6, 2)):
            part = canvas.blob(cu + du * ru, cv + dv * rv, 0.55 * ru, 0.55 * rv, 0.25)
            patch = np.maximum(patch, part)
        canvas.cloud(patch * canvas.lungs, grey, 0.85)
        return cu - ru, cv - rv, cu + ru, cv + rv

    return draw


def _round(cv: float, radius: float) -> _Finding:
    def draw(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
        cu = 0.5 + _sign(side) * 0.22
        rows, columns = canvas.u.shape
        ru = radius * rows / columns
        canvas.cloud(canvas.blob(cu, cv, 0.8 * ru, 0.8 * radius, 0.12), 0.70, 0.9)
        return cu - ru, cv - radius, cu + ru, cv + radius

    return draw


def _atelectasis(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    centre = 0.5 + _sign(side) * 0.2
    for k in range(3):
        line = canvas.v - 0.655 - 0.03 * k + 0.12 * _sign(side) * (canvas.u - centre)
        near = _soft((0.11 - np.abs(canvas.u - centre)) / 0.01)
        canvas.cloud(np.exp(-((line / 0.007) ** 2)) * near * canvas.lungs, 0.62, 0.9)
    return centre - 0.12, 0.62, centre + 0.12, 0.75


def _pneumothorax(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    centre = 0.5 + _sign(side) * 0.215
    r = np.hypot((canvas.u - centre + _sign(side) * 0.05) / 0.13, (canvas.v - 0.47) / 0.27)
    outer = _soft((canvas.u - centre) * _sign(side) / 0.02 + 2) * _soft((0.5 - canvas.v) / 0.02)
    air = _soft((r - 1) / 0.02) * canvas.lungs * outer
    canvas.blend(air, 0.06, 0.9)
    canvas.blend(np.exp(-(((r - 1) / 0.018) ** 2)) * canvas.lungs * outer, 0.45, 0.8)
    return centre - 0.16, 0.10, centre + 0.16, 0.52


def _edema(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    for sign in (-1, 1):
        haze = canvas.blob(0.5 + sign * 0.15, 0.5, 0.12, 0.19, 0.35)
        canvas.cloud(haze * canvas.lungs, 0.60, 0.75)
    return 0.18, 0.23, 0.82, 0.72


def _fibrosis(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    u, v = canvas.u, canvas.v
    net = np.abs(
        np.sin(2 * np.pi * (u + 0.4 * v) / 0.035) * np.sin(2 * np.pi * (v - 0.3 * u) / 0.03)
    )
    bases = _soft((v - 0.58) / 0.02)
    canvas.cloud(np.maximum(0.3 - net, 0) / 0.3 * bases * canvas.lungs, 0.6, 0.8)
    return 0.12, 0.56, 0.88, 0.80


def _pleural_thickening(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    centre = 0.5 + _sign(side) * 0.215
    inner = np.hypot((canvas.u - centre) / 0.10, (canvas.v - 0.47) / 0.315)
    cap = _soft((inner - 1) / 0.03) * _soft((0.27 - canvas.v) / 0.015)
    near = _soft((0.2 - np.abs(canvas.u - centre)) / 0.01)
    canvas.cloud(cap * near * canvas.lungs, 0.66, 0.9)
    return centre - 0.12, 0.08, centre + 0.12, 0.29


def _hernia(canvas: _Canvas, side: str) -> tuple[float, float, float, float]:
    canvas.blend(canvas.blob(0.53, 0.66, 0.075, 0.075, 0.08), 0.86, 0.9)
    canvas.blend(canvas.blob(0.53, 0.645, 0.055, 0.045, 0.15), 0.45, 0.9)
    return 0.455, 0.585, 0.605, 0.735


#: ChestX-ray14's findings, each by its drawing.
FINDINGS: dict[str, _Finding] = {
    "Atelectasis": _atelectasis,
    "Cardiomegaly": _cardiomegaly,
    "Effusion": _effusion,
    "Infiltration": _opacity(0.5, 0.10, 0.10, 0.48),
    "Mass": _round(0.33, 0.065),
    "Nodule": _round(0.36, 0.026),
    "Pneumonia": _opacity(0.62, 0.11, 0.09, 0.58),
    "Pneumothorax": _pneumothorax,
    "Consolidation": _opacity(0.63, 0.12, 0.10, 0.70),
    "Edema": _edema,
    "Emphysema": _emphysema,
    "Fibrosis": _fibrosis,
    "Pleural_Thickening": _pleural_thickening,
    "Hernia": _hernia,
}
