"""Any picture becomes a chip, and its boxes come along."""

from __future__ import annotations

import numpy as np
import pytest

from geoloupe.models import InputError
from geoloupe.models.compact.pixels import resize, three_bands, to_chips


def test_bands():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    assert (three_bands(grey)[..., 2] == grey[..., 0]).all()
    assert three_bands(np.zeros((3, 4, 5), np.uint8)).shape == (3, 4, 3)
    with pytest.raises(InputError, match="two bands"):
        three_bands(np.zeros((3, 4, 2), np.uint8))


@pytest.mark.parametrize("side", [31, 112, 224, 500, 1000])
def test_resize_keeps_a_plain_colour_and_the_mean(side):
    plain = np.full((1, side, side, 3), (10, 120, 250), np.uint8)
    assert (resize(plain, 224) == (10, 120, 250)).all()
    noise = np.random.default_rng(1).integers(0, 255, (1, side, side, 3)).astype(np.uint8)
    assert abs(float(resize(noise, 224).mean()) - float(noise.mean())) < 2.5


def test_resize_keeps_positions():
    picture = np.zeros((1, 448, 448, 3), np.uint8)
    picture[:, 100:120, 300:340] = 255
    small = resize(picture, 224)[0, ..., 0]
    rows, columns = np.nonzero(small > 128)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 59, 150, 169)


def test_an_oblong_picture_is_mirrored_to_a_square_and_boxes_follow():
    picture = np.zeros((1, 100, 200, 3), np.uint8)
    picture[:, :, 100:] = 200
    chips, factor = to_chips(picture, 224)
    assert chips.shape == (1, 224, 224, 3)
    assert factor.tolist() == [1.0, 0.5, 1.0, 0.5]
    assert chips[0, 0, 0, 0] == 0 and chips[0, 223, 223, 0] == 200
