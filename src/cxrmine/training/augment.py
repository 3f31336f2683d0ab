"""Grey bytes to what a network takes: augmented for training, a centre crop for evaluation.

Everything that moves pixels (random resized crop, rotation, flip) is one affine map an image, so
that a batch is sampled once, on the device where the network is, and not three times with three
losses of sharpness. **Each image of a batch has its own draw.**

The random numbers come first and from outside: `Augment` turns `Augment.draws` uniform numbers an
image into a map. So whoever knows an image's place in the epoch knows its augmentation, whatever
the batch size, the number of GPUs or the device (`cxrmine.training.batches`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

#: ``imagenet``: grey/255 in three channels, each less the mean and by the standard deviation of
#: ImageNet's (what torchvision's weights were trained with). ``per-image``: a plain baseline's, each
#: view by its own mean and standard deviation, in three equal channels.
Normalize = Literal["imagenet", "per-image"]
NORMALIZE: tuple[Normalize, ...] = get_args(Normalize)

#: torchvision's ImageNet statistics (red, green, blue).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_STATISTICS = (IMAGENET_MEAN, IMAGENET_STD)

# Sizes of a crop that are tried before the largest one is taken, as torchvision does it.
_TRIES = 10


@dataclass(frozen=True)
class AugmentConfig:
    """How training images vary.

    Parameters
    ----------
    size : int
        Side of the output in pixels.
    crop_area : tuple of float
        The crop's share of the image's area, drawn evenly between these; (1, 1) keeps it all.
        8–100 % is the training crop of Szegedy et al. 2015 (GoogLeNet, section 6).
    crop_aspect : tuple of float
        Its width by its height, drawn evenly on a logarithmic scale; 3:4–4:3 (the same place).
    rotation : float
        The crop is turned about its centre by an angle drawn evenly from ± this, in degrees.
    flip : float or bool
        Probability of a left-right flip; True is 0.5.
    normalize : {"imagenet", "per-image"}

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    size: int = 224
    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    rotation: float = 7.0
    flip: float = 0.5
    normalize: Normalize = "imagenet"

    def __post_init__(self) -> None:
        if self.flip is True:
            object.__setattr__(self, "flip", 0.5)
        _check_normalize(self.normalize)
        low, high = self.crop_area
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_area must be two shares between 0 and 1, not {self.crop_area}")
        low, high = self.crop_aspect
        if not 0 < low <= high < math.inf:
            raise ValueError(f"crop_aspect must be two ratios above 0, not {self.crop_aspect}")
        if not 0 <= self.rotation <= 180:
            raise ValueError(f"rotation must be 0 to 180 degrees, not {self.rotation}")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip must be a probability, not {self.flip}")
        if self.size < 1:
            raise ValueError(f"size must be 1 pixel or more, not {self.size}")


class Augment:
    """Random resized crop, rotation and flip of a batch, then normalisation.

    Parameters
    ----------
    config : AugmentConfig
    channels_last : bool
        Give the result in that memory format, which convolutions on GPUs want; it costs nothing
        here and a copy later.
    """

    #: Uniform numbers that an image takes.
    draws: int = 4 + 2 * _TRIES

    def __init__(self, config: AugmentConfig | None = None, *, channels_last: bool = False) -> None:
        self.config = config or AugmentConfig()
        self.channels_last = channels_last

    @property
    def size(self) -> int:
        """Side of the output in pixels."""
        return self.config.size

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Augment a batch with draws from a generator.

        Parameters
        ----------
        images : Tensor of uint8, shape (b, S, S)
        generator : torch.Generator, optional
            Of the CPU, so that the draws are the same on every device.

        Returns
        -------
        Tensor of float32, shape (b, 3, s, s)
            On the images' device.
        """
        uniform = torch.rand(len(images), self.draws, generator=generator, dtype=torch.float64)
        return self.apply(images, torch.from_numpy(self.maps(uniform.numpy())))

    def maps(self, uniform: NDArray[np.floating]) -> NDArray[np.float32]:
        """Turn uniform numbers into affine maps from the output to the image.

        Coordinates run from -1 to 1 between the outer edges of the image, x to the right and y
        down: ``in = [A | t] (x, y, 1)`` with ``A = R(angle) diag(width, height) diag(±1, 1)`` and
        `t` the crop's centre.

        Parameters
        ----------
        uniform : ndarray of float, shape (b, draws)
            Between 0 and 1.

        Returns
        -------
        ndarray of float32, shape (b, 2, 3)
        """
        config = self.config
        drawn = np.asarray(uniform, dtype=np.float64)
        width, height = _crop_sides(
            drawn[:, 4::2], drawn[:, 5::2], config.crop_area, config.crop_aspect
        )
        angle = np.deg2rad(config.rotation) * (2 * drawn[:, 0] - 1)
        mirror = np.where(drawn[:, 1] < config.flip, -1.0, 1.0)
        cos, sin = np.cos(angle), np.sin(angle)
        maps = np.empty((len(drawn), 2, 3))
        maps[:, 0, 0], maps[:, 0, 1] = cos * width * mirror, -sin * height
        maps[:, 1, 0], maps[:, 1, 1] = sin * width * mirror, cos * height
        # The crop lies inside the image before it is turned.
        maps[:, 0, 2] = (2 * drawn[:, 2] - 1) * (1 - width)
        maps[:, 1, 2] = (2 * drawn[:, 3] - 1) * (1 - height)
        return maps.astype(np.float32)

    @torch.no_grad()
    def apply(self, images: Tensor, maps: Tensor) -> Tensor:
        """Sample each image by its map, and normalise.

        Linear between pixel centres; what lies outside the image is black, as beyond a
        collimator.

        Parameters
        ----------
        images : Tensor of uint8, shape (b, S, S)
        maps : Tensor of float32, shape (b, 2, 3)
            From `maps`; moved to the images' device.

        Returns
        -------
        Tensor of float32, shape (b, 3, s, s)
        """
        grid = _grid(maps.to(images.device, non_blocking=True), self.config.size)
        grey = functional.grid_sample(
            images.unsqueeze(1).to(grid.dtype), grid, "bilinear", "zeros", align_corners=False
        )
        return _normalized(grey.squeeze(1), self.config.normalize, self.channels_last)


@torch.no_grad()
def evaluation_view(
    images: Tensor, crop: int, normalize: Normalize = "imagenet", *, channels_last: bool = False
) -> Tensor:
    """Return the centre crop of each image, normalised: what scores are computed on.

    Parameters
    ----------
    images : Tensor of uint8, shape (b, S, S)
    crop : int
        Side s of the output in pixels, at most S; where S - s is odd the crop lies half a pixel
        to the upper left.
    normalize : {"imagenet", "per-image"}
    channels_last : bool
        Give the result in that memory format.

    Returns
    -------
    Tensor of float32, shape (b, 3, s, s)

    Raises
    ------
    ValueError
        If the crop is larger than the images.
    """
    _check_normalize(normalize)
    rows, columns = images.shape[1:]
    if not 1 <= crop <= min(rows, columns):
        raise ValueError(f"a crop of {crop} pixels does not fit into images of {rows} x {columns}")
    top, left = (rows - crop) // 2, (columns - crop) // 2
    grey = images[:, top : top + crop, left : left + crop].to(torch.float32)
    return _normalized(grey, normalize, channels_last)


def _crop_sides(
    area: NDArray[np.float64],
    aspect: NDArray[np.float64],
    areas: tuple[float, float],
    aspects: tuple[float, float],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return width and height as shares of the image's sides: the first try that fits inside.

    `area` and `aspect` are uniform numbers, shape (b, tries); the results have shape (b,).
    """
    share = areas[0] + (areas[1] - areas[0]) * area
    low, high = math.log(aspects[0]), math.log(aspects[1])
    ratio = np.exp(low + (high - low) * aspect)
    width, height = np.sqrt(share * ratio), np.sqrt(share / ratio)
    fits = (width <= 1) & (height <= 1)
    first = fits.argmax(axis=1)
    each = np.arange(len(first))
    # Where none fits: all of the image that the proportions allow.
    widest = min(max(1.0, aspects[0]), aspects[1])
    largest = (min(1.0, widest), min(1.0, 1 / widest))
    some = fits.any(axis=1)
    return (
        np.where(some, width[each, first], largest[0]),
        np.where(some, height[each, first], largest[1]),
    )


def _grid(maps: Tensor, side: int) -> Tensor:
    """Return where each output pixel's centre falls in the image, shape (b, side, side, 2).

    The same as ``functional.affine_grid(..., align_corners=False)``, which multiplies a 3-vector
    for each pixel and takes 20 times as long on a CPU: 1.04 against 0.05 ms an image of 224.
    """
    centres = (2 * torch.arange(side, device=maps.device, dtype=maps.dtype) + 1) / side - 1
    grid = maps.new_empty(len(maps), side, side, 2)
    for axis in range(2):
        along_x, along_y, shift = maps[:, axis, :, None].unbind(1)
        torch.add(
            (along_x * centres)[:, None, :],
            (along_y * centres + shift)[:, :, None],
            out=grid[..., axis],
        )
    return grid


def _normalized(grey: Tensor, normalize: Normalize, channels_last: bool) -> Tensor:
    """Bring grey values (b, s, s) of 0 to 255 to three normalised channels (b, 3, s, s)."""
    if normalize == "per-image":
        centred = grey - grey.mean(dim=(1, 2), keepdim=True)
        # A view all of one grey is 0 throughout, not 0/0: one grey level is the least deviation.
        variance = centred.square().mean(dim=(1, 2), keepdim=True)
        one = centred.mul_(variance.clamp_(min=1.0).rsqrt_())
        if channels_last:
            return one.unsqueeze(-1).repeat(1, 1, 1, 3).permute(0, 3, 1, 2)
        return one.unsqueeze(1).repeat(1, 3, 1, 1)
    scale, shift = _imagenet(grey.device)
    if channels_last:
        return torch.addcmul(shift, grey.unsqueeze(-1), scale).permute(0, 3, 1, 2)
    return torch.addcmul(shift.view(3, 1, 1), grey.unsqueeze(1), scale.view(3, 1, 1))


@lru_cache(maxsize=16)
def _imagenet(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return what grey/255 is scaled and shifted by, shape (3,) each; copied to a device once."""
    mean, deviation = (torch.tensor(each, dtype=torch.float64) for each in _STATISTICS)
    return (1 / (255 * deviation)).float().to(device), (-mean / deviation).float().to(device)


def _check_normalize(normalize: str) -> None:
    if normalize not in NORMALIZE:
        raise ValueError(f"normalize must be {' or '.join(NORMALIZE)}, not {normalize!r}")
