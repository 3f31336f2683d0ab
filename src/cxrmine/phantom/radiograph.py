"""A film of a drawn chest: exposure, scatter, noise, and the true boxes in the film's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrmine.phantom.anatomy import Build, draw_chest, draw_pose
from cxrmine.phantom.canvas import Picture, Pose, Sheet, ellipse, line, resize, soft, texture
from cxrmine.phantom.devices import add_devices, add_marker, draw_devices
from cxrmine.phantom.lesions import Lesion, draw_lesion, raised_domes

#: Anatomy is drawn on a sheet of at most this side and then enlarged; noise is drawn at full size.
SHEET = 256


@dataclass(frozen=True, slots=True)
class Film:
    """How one film was taken.

    Parameters
    ----------
    pose : Pose
    gain, offset, gamma : float
        Of the film's curve: brightness → gain · brightness^gamma + offset.
    noise : float
        Standard deviation of the noise where the beam is hardly weakened, as a share of full
        scale; grows with what is in the way.
    haze : float
        How strongly soft tissue varies over centimetres.
    devices : tuple of str
    seed : int
        Of everything that is drawn on the film and is nobody's own: noise, textures, devices.
    """

    pose: Pose
    gain: float
    offset: float
    gamma: float
    noise: float
    haze: float
    devices: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class TrueBox:
    """A lesion's box in pixels of the film, whole numbers, origin top left."""

    finding: str
    x: int
    y: int
    width: int
    height: int


def draw_film(random: np.random.Generator, view: str) -> Film:
    """Draw how a film is taken; portable films (AP) are hazier and noisier."""
    portable = view == "AP"
    return Film(
        pose=draw_pose(random, view),
        gain=random.uniform(0.86, 1.16),
        offset=random.uniform(-0.07, 0.10),
        gamma=random.uniform(0.82, 1.22),
        noise=random.uniform(0.006, 0.014) * (1.3 if portable else 1.0),
        haze=random.uniform(0.006, 0.020) * (1.2 if portable else 1.0),
        devices=draw_devices(random, view),
        seed=int(random.integers(2**31)),
    )


def take_film(
    build: Build,
    film: Film,
    lesions: Sequence[Lesion],
    *,
    rows: int,
    columns: int,
    contrast: float = 1.0,
) -> tuple[Picture, tuple[TrueBox, ...]]:
    """Take a frontal film of a patient.

    Parameters
    ----------
    build : Build
    film : Film
    lesions : sequence of Lesion
    rows, columns : int
        Of the film, at least 32 each. Films that are not square are stretched, as the same chest
        is when a data set makes squares of them again.
    contrast : float
        Of the lesions against their surroundings (`lesions.DIFFICULTIES`).

    Returns
    -------
    picture : ndarray of float32, shape (rows, columns)
        Dense is bright. Values lie about in [0, 1]; some lie outside, as the extremes of a film
        do outside its window.
    boxes : tuple of TrueBox
        In the order of the lesions; a lesion of which nothing shows has none.
    """
    if min(rows, columns) < 32:
        raise ValueError(f"a film of {rows} x {columns} pixels shows nothing; 32 are the least")
    side = min(max(rows, columns), SHEET)
    sheet = Sheet(side, film.pose)
    random = np.random.default_rng(film.seed)
    enlarged = any(lesion.finding == "Cardiomegaly" for lesion in lesions)
    chest = draw_chest(sheet, build, enlarged=enlarged, raised=raised_domes(lesions))
    found = []
    # Air in the pleura first: it must not wipe out what lies before it.
    for lesion in sorted(lesions, key=lambda one: one.finding != "Pneumothorax"):
        box = draw_lesion(chest, lesion, contrast)
        if box is not None:
            found.append((lesions.index(lesion), lesion.finding, box))
    picture = chest.brightness
    haze = texture(picture.shape, 2, random)
    haze += 0.4 * texture(picture.shape, 1, random)
    haze *= film.haze * soft(picture * 6 - 1)  # only where there is a body
    picture += haze
    add_devices(chest, film.devices, random)
    add_marker(picture, random)
    return _expose(picture, film, rows, columns, random), tuple(
        _on_film(finding, box, side, rows, columns) for _, finding, box in sorted(found)
    )


def _expose(
    picture: Picture, film: Film, rows: int, columns: int, random: np.random.Generator
) -> Picture:
    curve: Picture = np.power(np.maximum(picture, 0), np.float32(film.gamma))
    curve *= np.float32(film.gain)
    curve += np.float32(film.offset)
    exposed = resize(curve, rows, columns)
    noise = random.standard_normal((rows, columns), dtype=np.float32)
    # Fewer quanta come through what is dense (their number's root is the noise).
    noise *= np.float32(film.noise)
    noise *= np.clip(exposed, 0, 1) + np.float32(0.5)
    exposed += noise
    return exposed


def _on_film(
    finding: str,
    box: tuple[float, float, float, float],
    side: int,
    rows: int,
    columns: int,
) -> TrueBox:
    left, top, width, height = box
    x0, x1 = round(left * columns / side), round((left + width) * columns / side)
    y0, y1 = round(top * rows / side), round((top + height) * rows / side)
    return TrueBox(finding, x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))


def take_lateral(build: Build, film: Film, *, rows: int, columns: int) -> Picture:
    """Take a lateral film: the spine behind (right), the heart in front (left), no lesion."""
    side = min(max(rows, columns), SHEET)
    sheet = Sheet(side, film.pose)
    random = np.random.default_rng(film.seed)
    u, v = sheet.u, sheet.v
    half = 0.22 + 0.10 * build.fat + 0.06 * np.clip((v + 0.4) / 0.3, 0, 1)
    trunk = np.sqrt(np.maximum(1 - np.abs(u / half) ** 3, 0))
    picture = trunk * (0.70 + 0.08 * v)
    floor = build.dome_right + 0.35 * u + 0.9 * (u + 0.02) ** 2
    lung = ellipse(u, v, -0.005, -0.05, 0.235, 0.36, 0.06) * soft((floor - v) / 0.006)
    picture -= 0.40 * lung
    heart = ellipse(u + 0.2 * (v - 0.1), v, -0.10, 0.10, 0.5 * build.heart * 0.6, 0.125, 0.10)
    picture += 0.36 * heart * lung
    spine = 0.19 + 0.03 * np.sin(3.2 * v)
    picture += (
        build.bone
        * soft((0.030 - np.abs(u - spine)) / 0.008)
        * (0.16 + 0.05 * np.cos(np.float32(108.0) * v))
        * trunk
    )
    for k in range(8):
        t = np.linspace(0, 1, 7)
        path = np.column_stack([0.18 - 0.40 * t, -0.27 + 0.06 * k + 0.13 * t * t])
        line(sheet, picture, path, 0.008, 0.045 * build.bone)
    picture += film.haze * texture(picture.shape, 2, random) * soft(picture * 6 - 1)
    add_marker(picture, random)
    return _expose(picture, film, rows, columns, random)


def grey(picture: Picture) -> NDArray[np.uint8]:
    """Return a film as it is shown: grey levels, uint8, what lies outside [0, 1] cut off."""
    shown = np.clip(picture, 0, 1)
    shown *= np.float32(255)
    shown += np.float32(0.5)
    return shown.astype(np.uint8)  # towards 0, which is down
