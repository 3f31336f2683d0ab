"""What lies on and in patients without being a finding: wires, lines, tubes, clips, markers.

They distract: bright, sharp things in the lungs that mean nothing, more of them on portable films.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cxrmine.phantom.anatomy import Chest
from cxrmine.phantom.canvas import Picture, ellipse, line

#: How often a thing lies on a film, from behind (PA) and portable (AP).
_RATES = {
    "electrodes": (0.08, 0.45),
    "central line": (0.05, 0.30),
    "pacemaker": (0.06, 0.09),
    "sternal wires": (0.07, 0.10),
    "clips": (0.08, 0.08),
    "button": (0.10, 0.06),
    "tube": (0.01, 0.14),
}


def draw_devices(random: np.random.Generator, view: str) -> tuple[str, ...]:
    """Draw by lot what lies on a film."""
    return tuple(name for name, rate in _RATES.items() if random.random() < rate[view == "AP"])


def add_devices(chest: Chest, devices: tuple[str, ...], random: np.random.Generator) -> None:
    """Draw things of metal and plastic into a chest."""
    for device in devices:
        _DEVICES[device](chest, random)


def _curve(points: list[tuple[float, float]], pieces: int = 10) -> NDArray[np.float64]:
    """Return a Bézier curve through its first and last point."""
    t = np.linspace(0, 1, pieces)[:, np.newaxis]
    control = np.array(points)
    order = len(points) - 1
    terms = [
        math.comb(order, k) * t**k * (1 - t) ** (order - k) * control[k] for k in range(order + 1)
    ]
    path: NDArray[np.float64] = np.sum(terms, axis=0)
    return path


def _spot(chest: Chest, u: float, v: float, radius: float, strength: float, edge: float) -> None:
    window = chest.sheet.window(
        u - 1.6 * radius, v - 1.6 * radius, u + 1.6 * radius, v + 1.6 * radius
    )
    shape = ellipse(chest.sheet.u[window], chest.sheet.v[window], u, v, radius, radius, edge)
    chest.brightness[window] += strength * shape


def _electrodes(chest: Chest, random: np.random.Generator) -> None:
    for _ in range(int(random.integers(2, 5))):
        u, v = random.uniform(-0.32, 0.32), random.uniform(-0.28, 0.25)
        end = (random.choice([-1, 1]) * random.uniform(0.2, 0.5), random.choice([-0.55, 0.55]))
        bend = (u + random.normal(0, 0.2), (v + end[1]) / 2 + random.normal(0, 0.1))
        line(chest.sheet, chest.brightness, _curve([(u, v), bend, end]), 0.0028, 0.22)
        ring = random.uniform(0.010, 0.014)
        _spot(chest, u, v, ring, 0.16, 0.12)
        _spot(chest, u, v, 0.45 * ring, 0.22, 0.25)


def _central_line(chest: Chest, random: np.random.Generator) -> None:
    sign = int(random.choice([-1, 1]))
    start = (sign * random.uniform(0.16, 0.3), -0.46)
    if random.random() < 0.5:  # by an arm vein
        start = (sign * 0.47, random.uniform(-0.2, -0.05))
    knee = (sign * random.uniform(0.08, 0.14), random.uniform(-0.33, -0.26))
    end = (random.uniform(-0.045, -0.02), random.uniform(-0.10, 0.03))
    path = _curve([start, knee, (-0.02, -0.28), end])
    line(chest.sheet, chest.brightness, path, 0.0034, 0.15)


def _pacemaker(chest: Chest, random: np.random.Generator) -> None:
    sign = 1 if random.random() < 0.8 else -1
    cu, cv = sign * random.uniform(0.22, 0.28), random.uniform(-0.27, -0.20)
    sheet = chest.sheet
    window = sheet.window(cu - 0.07, cv - 0.07, cu + 0.07, cv + 0.07)
    du, dv = (sheet.u[window] - cu) / 0.046, (sheet.v[window] - cv) / 0.040
    du *= du
    dv *= dv
    box = np.clip((1 - du * du - dv * dv) / 0.15, 0, 1)
    chest.brightness[window] += 0.42 * box
    tip = (random.uniform(0.08, 0.15), random.uniform(0.13, 0.18))
    path = _curve([(cu, cv), (-0.02, -0.40), (-0.08, 0.05), tip], 14)
    line(sheet, chest.brightness, path, 0.0032, 0.24)


def _sternal_wires(chest: Chest, random: np.random.Generator) -> None:
    for v in np.linspace(-0.17, 0.13, int(random.integers(4, 7))).tolist():
        u = random.normal(0.004, 0.003)
        loop = np.array(
            [(u - 0.017, v - 0.004), (u, v + 0.006), (u + 0.017, v - 0.005), (u, v - 0.008)]
        )
        line(chest.sheet, chest.brightness, loop, 0.0024, 0.30)


def _clips(chest: Chest, random: np.random.Generator) -> None:
    u, v = random.uniform(-0.3, 0.3), random.uniform(-0.2, 0.2)
    for _ in range(int(random.integers(2, 7))):
        a = np.array([u + random.normal(0, 0.02), v + random.normal(0, 0.02)])
        turn = random.uniform(0, math.pi)
        b = a + 0.010 * np.array([math.cos(turn), math.sin(turn)])
        line(chest.sheet, chest.brightness, np.stack([a, b]), 0.0026, 0.38)


def _button(chest: Chest, random: np.random.Generator) -> None:
    # Denser and sharper than any nodule, with holes.
    for _ in range(int(random.integers(1, 3))):
        u, v = random.uniform(-0.28, 0.28), random.uniform(-0.25, 0.2)
        _spot(chest, u, v, 0.014, 0.34, 0.08)
        for sign in (-1, 1):
            _spot(chest, u + sign * 0.0045, v, 0.0028, -0.25, 0.4)


def _tube(chest: Chest, random: np.random.Generator) -> None:
    end = random.uniform(-0.20, -0.13)
    u = random.normal(0.004, 0.004)
    for sign in (-1, 1):
        wall = np.array([(u + sign * 0.008, -0.55), (u + sign * 0.007, end)])
        line(chest.sheet, chest.brightness, wall, 0.0022, 0.15)


_DEVICES = {
    "electrodes": _electrodes,
    "central line": _central_line,
    "pacemaker": _pacemaker,
    "sternal wires": _sternal_wires,
    "clips": _clips,
    "button": _button,
    "tube": _tube,
}


def add_marker(picture: Picture, random: np.random.Generator) -> None:
    """Lay a lead letter L on the sheet, beside the patient's left shoulder."""
    side = picture.shape[0]
    size = random.uniform(0.035, 0.055)
    x, y = random.uniform(0.86, 0.985 - size), random.uniform(0.02, 0.16)
    thick = max(1, round(0.2 * size * side))
    left, top = round(x * side), round(y * side)
    high, wide = round(size * side), round(0.6 * size * side)
    picture[top : top + high, left : left + thick] = 1.0
    picture[top + high - thick : top + high, left : left + wide] = 1.0
