"""Augmentation: each image its own draw, and pixels where the equations put them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn import functional

from cxrmine.training import augment as augment_module
from cxrmine.training.augment import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Augment,
    AugmentConfig,
    evaluation_view,
)

torch.set_num_threads(1)

STILL = AugmentConfig(size=32, crop_area=(1, 1), crop_aspect=(1, 1), rotation=0, flip=0)


def images(number: int, side: int = 32, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(0, 256, (number, side, side), dtype=np.uint8))


def grey(x: torch.Tensor) -> NDArray[np.float64]:
    """The grey values 0-255 of a batch normalised by ImageNet's statistics, from each channel."""
    array = x.double().numpy()
    mean, std = (np.array(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    back = (array * std + mean) * 255
    np.testing.assert_allclose(back, back[:, :1].repeat(3, axis=1), atol=1e-3)
    return back[:, 0]


def sampled(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], side: int
) -> NDArray[np.float64]:
    """Linear sampling by an affine map in float64, pixel by pixel, black outside."""
    size = len(image)
    out = np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            to = np.array([(2 * column + 1) / side - 1, (2 * row + 1) / side - 1, 1.0])
            x, y = ((matrix @ to + 1) * size - 1) / 2
            for j in (int(np.floor(y)), int(np.floor(y)) + 1):
                for i in (int(np.floor(x)), int(np.floor(x)) + 1):
                    if 0 <= i < size and 0 <= j < size:
                        out[row, column] += image[j, i] * (1 - abs(x - i)) * (1 - abs(y - j))
    return out


def test_sampling_equals_its_float64_reference():
    augment = Augment(AugmentConfig(size=20, rotation=30))
    batch = images(6, 24)
    maps = augment.maps(np.random.default_rng(1).random((6, augment.draws))).astype(np.float64)
    expected = np.stack([sampled(i.numpy(), m, 20) for i, m in zip(batch, maps, strict=True)])
    exact = augment.apply(batch, torch.from_numpy(maps))
    np.testing.assert_allclose(grey(exact), expected, rtol=1e-6, atol=1e-4)
    # As it is used, a coordinate has 24 bits: a hundredth of a grey level on pure noise.
    np.testing.assert_allclose(
        grey(augment.apply(batch, torch.from_numpy(maps.astype(np.float32)))), expected, atol=0.02
    )


def test_the_grid_is_pytorchs():
    augment = Augment(AugmentConfig(rotation=45))
    maps = torch.from_numpy(augment.maps(np.random.default_rng(0).random((5, augment.draws))))
    torch.testing.assert_close(
        augment_module._grid(maps, 33),
        functional.affine_grid(maps, [5, 1, 33, 33], align_corners=False),
        rtol=1e-6,
        atol=1e-6,
    )


def test_without_any_change_it_is_the_image():
    batch = images(3)
    torch.testing.assert_close(
        Augment(STILL)(batch), evaluation_view(batch, 32), rtol=1e-5, atol=1e-5
    )


def test_a_flip_is_left_to_right():
    config = AugmentConfig(size=32, crop_area=(1, 1), crop_aspect=(1, 1), rotation=0, flip=1)
    batch = images(3)
    torch.testing.assert_close(
        Augment(config)(batch), evaluation_view(batch.flip(2), 32), rtol=1e-5, atol=1e-5
    )


def test_a_quarter_turn_is_one():
    config = AugmentConfig(size=32, crop_area=(1, 1), crop_aspect=(1, 1), rotation=90, flip=0)
    augment = Augment(config)
    uniform = np.full((1, augment.draws), 0.5)
    uniform[0, 0] = 1.0  # + 90 degrees
    batch = images(1)
    turned = grey(augment.apply(batch, torch.from_numpy(augment.maps(uniform))))[0]
    np.testing.assert_allclose(turned, np.rot90(batch[0].numpy()), atol=0.05)


def test_each_image_of_a_batch_has_its_own_draw():
    """Equal images become all different ones, in every way in which they may."""
    number = 64
    same = images(1).expand(number, -1, -1)
    out = Augment(AugmentConfig(size=32))(same, torch.Generator().manual_seed(3))
    flat = out.reshape(number, -1)
    distance = torch.cdist(flat, flat)
    distance.fill_diagonal_(torch.inf)
    assert distance.min() > 1
    # Each of the ways by itself.
    for change in ({"flip": 0.5}, {"rotation": 7.0}, {"crop_area": (0.3, 1.0)}):
        settings_ = {"crop_area": (1, 1), "crop_aspect": (1, 1), "rotation": 0, "flip": 0}
        augment = Augment(AugmentConfig(size=32, **{**settings_, **change}))  # type: ignore[arg-type]
        kinds = {one.numpy().tobytes() for one in augment(same, torch.Generator().manual_seed(3))}
        assert len(kinds) == (2 if "flip" in change else number)


def test_an_images_augmentation_does_not_depend_on_its_neighbours():
    augment = Augment(AugmentConfig(size=24))
    batch = images(5)
    maps = torch.from_numpy(augment.maps(np.random.default_rng(2).random((5, augment.draws))))
    together = augment.apply(batch, maps)
    for one in range(5):
        alone = augment.apply(batch[one : one + 1], maps[one : one + 1])
        assert torch.equal(alone[0], together[one])


def test_the_same_generator_gives_the_same_batch_and_leaves_the_global_one_alone():
    augment, batch = Augment(), images(4, 256)
    before = torch.get_rng_state()
    first = augment(batch, torch.Generator().manual_seed(8))
    assert torch.equal(first, augment(batch, torch.Generator().manual_seed(8)))
    assert not torch.equal(first, augment(batch, torch.Generator().manual_seed(9)))
    assert torch.equal(before, torch.get_rng_state())
    assert first.shape == (4, 3, 224, 224)
    assert first.dtype == torch.float32


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    low=st.floats(0.01, 1.0),
    high=st.floats(0.01, 1.0),
    narrow=st.floats(0.2, 1.0),
    wide=st.floats(1.0, 5.0),
    rotation=st.floats(0, 45),
)
def test_draws_keep_within_their_ranges(
    seed: int, low: float, high: float, narrow: float, wide: float, rotation: float
):
    low, high = min(low, high), max(low, high)
    config = AugmentConfig(
        size=8, crop_area=(low, high), crop_aspect=(narrow, wide), rotation=rotation
    )
    augment = Augment(config)
    maps = augment.maps(np.random.default_rng(seed).random((200, augment.draws))).astype(float)
    width, height = (np.hypot(maps[:, 0, axis], maps[:, 1, axis]) for axis in range(2))
    # The fallback, all of the image, may be larger than the crop asked for.
    whole = np.isclose(np.maximum(width, height), 1) & np.isclose(width, height)
    assert ((width <= 1 + 1e-6) & (height <= 1 + 1e-6)).all()
    area, aspect = width * height, width / height
    assert (((area > low - 1e-5) & (area < high + 1e-5)) | whole).all()
    assert ((aspect > narrow - 1e-4) & (aspect < wide + 1e-4)).all()
    angle = np.degrees(np.arctan2(-maps[:, 0, 1], maps[:, 1, 1]))
    assert (np.abs(angle) <= rotation + 1e-3).all()
    # The crop is inside the image before it is turned about its centre.
    assert (np.abs(maps[:, 0, 2]) + width <= 1 + 1e-5).all()
    assert (np.abs(maps[:, 1, 2]) + height <= 1 + 1e-5).all()


def test_draws_are_spread_over_their_ranges():
    """8-100 % of the area, 3:4-4:3, +-7 degrees, every second one flipped, anywhere."""
    augment = Augment()
    maps = augment.maps(np.random.default_rng(4).random((20_000, augment.draws))).astype(float)
    width, height = (np.hypot(maps[:, 0, axis], maps[:, 1, axis]) for axis in range(2))
    area = width * height
    assert 0.08 <= area.min() < 0.09
    assert 0.98 < area.max() <= 1 + 1e-6
    # Even below the sizes of which some do not fit: (0.5 - 0.08) against (0.3 - 0.08).
    assert np.mean(area[area < 0.5] < 0.3) == pytest.approx(0.22 / 0.42, abs=0.02)
    ratio = np.log(width / height)[area < 0.5] / np.log(4 / 3)
    assert (ratio.min(), ratio.max()) == pytest.approx((-1, 1), abs=0.01)
    assert np.abs(ratio.mean()) < 0.02
    assert ratio.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)
    angle = np.degrees(np.arctan2(-maps[:, 0, 1], maps[:, 1, 1]))
    assert (angle.min(), angle.max()) == pytest.approx((-7, 7), abs=0.02)
    assert angle.std() == pytest.approx(7 / np.sqrt(3), abs=0.1)
    flipped = np.linalg.det(maps[:, :, :2]) < 0
    assert flipped.mean() == pytest.approx(0.5, abs=0.02)
    for axis in range(2):
        room = maps[:, axis, 2] / (1 - (width, height)[axis])
        assert room.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)


def test_where_no_try_fits_all_of_the_image_is_taken_that_may_be():
    augment = Augment(AugmentConfig(size=8, crop_area=(1, 1), crop_aspect=(2, 2), rotation=0))
    (one,) = np.abs(augment.maps(np.random.default_rng(0).random((1, augment.draws))))
    assert (one[0, 0], one[1, 1]) == pytest.approx((1, 0.5))


def test_imagenet_normalisation_is_torchvisions():
    batch = images(2)
    as_colour = batch.unsqueeze(1).expand(-1, 3, -1, -1).float() / 255
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
    torch.testing.assert_close(evaluation_view(batch, 32), (as_colour - mean) / std)


@pytest.mark.parametrize("channels_last", [False, True])
def test_per_image_normalisation(channels_last: bool):
    batch = images(3)
    out = evaluation_view(batch, 20, "per-image", channels_last=channels_last)
    middle = batch[:, 6:26, 6:26].double()
    expected = (middle - middle.mean((1, 2), keepdim=True)) / middle.std(
        (1, 2), keepdim=True, correction=0
    )
    torch.testing.assert_close(
        out.double(), expected.unsqueeze(1).expand(-1, 3, -1, -1), rtol=1e-5, atol=1e-5
    )
    flat = evaluation_view(torch.full((1, 8, 8), 200, dtype=torch.uint8), 8, "per-image")
    assert torch.equal(flat, torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("normalize", ["imagenet", "per-image"])
def test_channels_last_has_the_same_values_in_the_other_order(normalize: str):
    batch, config = images(3), AugmentConfig(size=16, normalize=normalize)  # type: ignore[arg-type]
    for first, last in (
        (
            Augment(config)(batch, torch.Generator().manual_seed(1)),
            Augment(config, channels_last=True)(batch, torch.Generator().manual_seed(1)),
        ),
        (
            evaluation_view(batch, 16, normalize),  # type: ignore[arg-type]
            evaluation_view(batch, 16, normalize, channels_last=True),  # type: ignore[arg-type]
        ),
    ):
        torch.testing.assert_close(first, last)
        assert first.is_contiguous()
        assert last.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("side", "crop"), [(256, 224), (480, 448), (9, 4), (7, 7)])
def test_evaluation_takes_the_centre(side: int, crop: int):
    batch = images(2, side)
    edge = (side - crop) // 2
    middle = batch[:, edge : edge + crop, edge : edge + crop]
    np.testing.assert_allclose(grey(evaluation_view(batch, crop)), middle.numpy(), atol=1e-3)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="crop of 33 pixels"):
        evaluation_view(images(1), 33)


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop_area": (0.5, 0.2)},
        {"crop_area": (0.0, 1.0)},
        {"crop_area": (0.5, 1.5)},
        {"crop_aspect": (0.0, 1.0)},
        {"crop_aspect": (2.0, 1.0)},
        {"rotation": -1.0},
        {"rotation": float("nan")},
        {"flip": 1.5},
        {"size": 0},
        {"normalize": "blog"},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AugmentConfig(**wrong)  # type: ignore[arg-type]


def test_views_made_for_inference_leave_nothing_that_training_cannot_use():
    """The constants are kept; a tensor of inference mode could not go into a backward pass."""
    augment_module._imagenet.cache_clear()
    with torch.inference_mode():
        evaluation_view(images(1), 32)
    layer = torch.nn.Conv2d(3, 1, 3)
    for channels_last in (False, True):
        x = Augment(AugmentConfig(size=16), channels_last=channels_last)(images(2))
        layer(x).sum().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.weight.grad).all()


def test_a_flip_said_with_true_is_every_second_image():
    assert AugmentConfig(flip=True).flip == 0.5
    assert AugmentConfig(flip=False).flip == 0
