"""The sheet on which a chest is drawn: coordinates of the body, soft edges, textures, resizing.

Body coordinates are fractions of the sheet's height: ``u`` runs from the midline to the patient's
left (the picture's right), ``v`` down from the middle of the chest; both stay about within ±0.5.
A film's pose (`Pose`) says where on the sheet the body lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Window = tuple[slice, slice]

#: A side's direction on the sheet: the patient's right is the picture's left.
SIDES = {"right": -1, "left": 1}


@dataclass(frozen=True, slots=True)
class Pose:
    """How the body lies on one film.

    Parameters
    ----------
    rotation : float
        In degrees, clockwise on the sheet.
    scale : float
        Of the body against the sheet.
    shift_u, shift_v : float
        Of the body's middle from the sheet's, as fractions of the sheet.
    obliquity : float
        Turn about the body's long axis, -1 to 1: one lung shows wider than the other.
    inspiration : float
        How much lower the diaphragm stands than at rest, as a fraction of the sheet.
    view : str
        ``PA`` or ``AP``; from the front the heart lies farther from the detector and looks larger.
    """

    rotation: float = 0.0
    scale: float = 1.0
    shift_u: float = 0.0
    shift_v: float = 0.0
    obliquity: float = 0.0
    inspiration: float = 0.0
    view: str = "PA"


class Sheet:
    """A square sheet of pixels that knows where the body lies.

    Parameters
    ----------
    side : int
        Rows and columns.
    pose : Pose

    Attributes
    ----------
    u, v : ndarray of float32, shape (side, side)
        Body coordinates of the pixels' middles.
    """

    def __init__(self, side: int, pose: Pose) -> None:
        self.side = side
        self.pose = pose
        turn = math.radians(pose.rotation)
        a, b = math.cos(turn) / pose.scale, math.sin(turn) / pose.scale
        self._forward = (a, b, -b, a)
        middle = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
        x = (middle - np.float32(0.5 + pose.shift_u))[np.newaxis, :]
        y = (middle - np.float32(0.5 + pose.shift_v))[:, np.newaxis]
        self.u: Picture = np.float32(a) * x + np.float32(b) * y
        self.v: Picture = np.float32(a) * y - np.float32(b) * x

    def pixel(self, u: float, v: float) -> tuple[float, float]:
        """Return the column and row (not whole numbers) at which a point of the body lies."""
        a, b, c, d = self._forward
        det = a * d - b * c
        x = (d * u - b * v) / det + 0.5 + self.pose.shift_u
        y = (a * v - c * u) / det + 0.5 + self.pose.shift_v
        return x * self.side, y * self.side

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """Return the smallest window of pixels that holds a rectangle of the body.

        What lies off the sheet is left out; the window can be empty.
        """
        corners = [self.pixel(u, v) for u in (left, right) for v in (top, bottom)]
        columns, rows = [c for c, _ in corners], [r for _, r in corners]
        edge = self.side

        def clip(value: float) -> int:
            return min(max(int(value), 0), edge)

        return (
            slice(clip(math.floor(min(rows))), clip(math.ceil(max(rows)))),
            slice(clip(math.floor(min(columns))), clip(math.ceil(max(columns)))),
        )


def soft(x: NDArray[np.floating]) -> Picture:
    """Return 0 below -1, 1 above 1, and a smooth cubic step between (no exponentials: faster)."""
    t: Picture = x * np.float32(0.5)
    t += np.float32(0.5)
    # Less than half the time of np.clip on small windows.
    np.maximum(t, 0, out=t)
    np.minimum(t, 1, out=t)
    rest = np.float32(3) - 2 * t
    rest *= t
    rest *= t
    return rest


def step(x: float) -> float:
    """`soft` from 0 to 1 for one number."""
    t = min(max(x, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def ellipse(
    u: Picture, v: Picture, cu: float, cv: float, ru: float, rv: float, edge: float
) -> Picture:
    """Return 1 inside an ellipse and 0 outside, its edge softened over ± `edge` of its radius."""
    du, dv = (u - cu) / ru, (v - cv) / rv
    return soft((1 - np.sqrt(du * du + dv * dv)) / edge)


def resize(picture: Picture, rows: int, columns: int) -> Picture:
    """Resize by linear interpolation between the pixels' middles, first columns, then rows.

    Plain indexing and products of float32, so that the bytes do not depend on how many threads a
    matrix library uses.
    """
    for axis, size in ((1, columns), (0, rows)):
        old = picture.shape[axis]
        if old == size:
            continue
        place = (np.arange(size) + 0.5) * (old / size) - 0.5
        first = np.clip(np.floor(place).astype(np.intp), 0, old - 1)
        second = np.minimum(first + 1, old - 1)
        part = np.clip(place - first, 0, 1).astype(np.float32)
        part = part[:, np.newaxis] if axis == 0 else part
        low = np.take(picture, first, axis)
        picture = np.take(picture, second, axis)
        picture -= low
        picture *= part
        picture += low
    return picture


@lru_cache(maxsize=1)
def grain() -> tuple[Picture, ...]:
    """Return textures that repeat without a seam, each of mean 0 and deviation 1.

    The first are fine (streaks and spots of 2 to 10 px at a sheet of 256), the last coarse (wide
    clouds): random fields with the power of a band of frequencies, made by the Fourier transform.
    """
    side = 256
    random = np.random.default_rng(20170705)
    frequency = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(frequency[:, np.newaxis], frequency[np.newaxis, :])
    fields = []
    for low, high in ((14.0, 44.0), (7.0, 22.0), (1.5, 5.0)):
        gain = np.exp(-((radius / high) ** 2)) * (1 - np.exp(-((radius / low) ** 2)))
        spectrum = np.fft.fft2(random.standard_normal((side, side)))
        field = np.fft.ifft2(spectrum * gain).real
        fields.append((field / field.std()).astype(np.float32))
    return tuple(fields)


def texture(shape: tuple[int, int], kind: int, random: np.random.Generator) -> Picture:
    """Cut a random piece of a texture (see `grain`), flipped or turned at random.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    kind : int
        0 fine, 1 medium, 2 coarse.
    """
    field = grain()[kind]
    row, column, turn = random.integers(0, (field.shape[0], field.shape[1], 8)).tolist()
    if turn & 4:
        field = field.T
    field = field[:: -1 if turn & 1 else 1, :: -1 if turn & 2 else 1]
    rows = (np.arange(shape[0]) + row) % field.shape[0]
    columns = (np.arange(shape[1]) + column) % field.shape[1]
    piece: Picture = np.take(np.take(field, rows, 0), columns, 1)
    return piece


def line(
    sheet: Sheet, into: Picture, points: NDArray[np.float64], width: float, strength: float
) -> None:
    """Add a bright line of soft profile along a chain of points of the body.

    Parameters
    ----------
    into : ndarray
        The sheet's picture, changed in place: where pieces meet, the stronger counts.
    points : ndarray, shape (n, 2)
        ``u`` and ``v``.
    width : float
        Half width, in body coordinates; never thinner than 0.6 px, and the fainter for it.
    strength : float
        Added in the line's middle.
    """
    least = 0.6 / (sheet.side * sheet.pose.scale)
    strength *= min(1.0, width / least)
    width = max(width, least)
    reach = 2.2 * width
    left, top = points.min(0) - reach
    right, bottom = points.max(0) + reach
    window = sheet.window(float(left), float(top), float(right), float(bottom))
    u = sheet.u[window]
    if not u.size:
        return
    row0, column0 = window[0].start, window[1].start
    added = np.zeros_like(u)
    for (u0, v0), (u1, v1) in zip(points[:-1].tolist(), points[1:].tolist(), strict=True):
        rows, columns = sheet.window(
            min(u0, u1) - reach, min(v0, v1) - reach, max(u0, u1) + reach, max(v0, v1) + reach
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        piece = added[
            rows.start - row0 : rows.stop - row0, columns.start - column0 : columns.stop - column0
        ]
        du, dv = sheet.u[rows, columns] - u0, sheet.v[rows, columns] - v0
        along_u, along_v = u1 - u0, v1 - v0
        length2 = max(along_u * along_u + along_v * along_v, 1e-12)
        t = np.clip((du * along_u + dv * along_v) / length2, 0, 1)
        du -= t * along_u
        dv -= t * along_v
        across = (du * du + dv * dv) * (1 / (width * width))
        np.maximum(piece, np.maximum(1 - across / 4.84, 0) ** 2, out=piece)
    into[window] += strength * added
