from math import sqrt

import numpy as np
import pytest

from multibox.config import Priors
from multibox.errors import BadInput
from multibox.priors import FeatureMap, make_priors, priors_per_cell, shapes

SSD300 = Priors(sizes=(30, 60, 111, 162, 213, 264, 315), at=300, ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)))
SSD512 = Priors(
    sizes=(35, 76, 153, 230, 307, 384, 460, 537),
    at=512,
    ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
)


def square_maps(cells, steps):
    return [FeatureMap(f"{n}x{n}", n, n, step, step) for n, step in zip(cells, steps, strict=True)]


MAPS300 = square_maps((38, 19, 10, 5, 3, 1), (8, 16, 32, 64, 100, 300))
MAPS512 = square_maps((64, 32, 16, 8, 4, 2, 1), (8, 16, 32, 64, 128, 256, 512))


def around(x, y, width, height):
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def first_of(maps, config, number):
    """The position of the first prior of map ``number``."""
    counts = [m.height * m.width * n for m, n in zip(maps, priors_per_cell(config), strict=True)]
    return sum(counts[:number])


def test_ssd300_has_8732_priors():
    priors_rel = make_priors(MAPS300, SSD300, (300, 300))
    assert priors_rel.shape == (8732, 4)
    assert priors_rel.dtype == np.float32
    assert [first_of(MAPS300, SSD300, i) for i in range(7)] == [0, 5776, 7942, 8542, 8692, 8728, 8732]


def test_ssd512_has_24564_priors():
    assert make_priors(MAPS512, SSD512, (512, 512)).shape == (24564, 4)
    assert [first_of(MAPS512, SSD512, i) for i in range(8)] == [0, 16384, 22528, 24064, 24448, 24544, 24560, 24564]


@pytest.mark.parametrize(
    ("position", "box"),
    [
        # conv4_3, cell (0, 0), centre (4, 4): 30, sqrt(30 * 60), 2, 1/2
        (0, around(4, 4, 30, 30)),
        (1, around(4, 4, 42.4264, 42.4264)),
        (2, around(4, 4, 42.4264, 21.2132)),
        (3, around(4, 4, 21.2132, 42.4264)),
        # the cell to the right of it, and the first of the second row
        (4, around(12, 4, 30, 30)),
        (38 * 4, around(4, 12, 30, 30)),
        # fc7, row 7, column 11: centre (184, 120): 60, sqrt(60 * 111), 2, 1/2, 3, 1/3
        (5776 + (7 * 19 + 11) * 6 + 0, around(184, 120, 60, 60)),
        (5776 + (7 * 19 + 11) * 6 + 1, around(184, 120, 81.6088, 81.6088)),
        (5776 + (7 * 19 + 11) * 6 + 2, around(184, 120, 84.8528, 42.4264)),
        (5776 + (7 * 19 + 11) * 6 + 3, around(184, 120, 42.4264, 84.8528)),
        (5776 + (7 * 19 + 11) * 6 + 4, around(184, 120, 103.9230, 34.6410)),
        (5776 + (7 * 19 + 11) * 6 + 5, around(184, 120, 34.6410, 103.9230)),
        # conv7_2, row 2, column 3: centre (224, 160): 162
        (8542 + (2 * 5 + 3) * 6, around(224, 160, 162, 162)),
        # conv8_2, the last cell: centre (250, 250): 1/2 of 213
        (8692 + 8 * 4 + 3, around(250, 250, 150.6137, 301.2275)),
        # conv9_2, its one cell: 264, sqrt(264 * 315), 2, 1/2; they reach beyond the image
        (8728, around(150, 150, 264, 264)),
        (8729, around(150, 150, 288.3748, 288.3748)),
        (8730, around(150, 150, 373.3524, 186.6762)),
        (8731, around(150, 150, 186.6762, 373.3524)),
    ],
)
def test_ssd300_priors_worked_by_hand(position, box):
    priors_rel = make_priors(MAPS300, SSD300, (300, 300))
    np.testing.assert_allclose(priors_rel[position] * 300, box, atol=1e-3)


@pytest.mark.parametrize(
    ("position", "box"),
    [
        (0, around(4, 4, 35, 35)),
        (1, around(4, 4, 51.5752, 51.5752)),  # sqrt(35 * 76)
        (2, around(4, 4, 49.4975, 24.7487)),
        (16384 + (32 * 31 + 31) * 6, around(504, 504, 76, 76)),  # the last cell of fc7
        (24448 + (1 * 4 + 2) * 6 + 4, around(320, 192, 531.7396, 177.2465)),  # conv8_2, row 1, column 2: 3 of 307
        (24560, around(256, 256, 460, 460)),
        (24561, around(256, 256, 497.0111, 497.0111)),  # sqrt(460 * 537)
        (24563, around(256, 256, 325.2691, 650.5382)),
    ],
)
def test_ssd512_priors_worked_by_hand(position, box):
    priors_rel = make_priors(MAPS512, SSD512, (512, 512))
    np.testing.assert_allclose(priors_rel[position] * 512, box, atol=1e-3)


def test_the_order_of_the_five_scripts_puts_wide_before_tall():
    wide2, wide3 = (10 * sqrt(2), 10 / sqrt(2)), (10 * sqrt(3), 10 / sqrt(3))
    squares = [(10, 10), (20, 20)]
    np.testing.assert_allclose(
        shapes(10, 40, (2, 3), "five_scripts"), [*squares, wide2, wide3, wide2[::-1], wide3[::-1]]
    )
    np.testing.assert_allclose(shapes(10, 40, (2, 3), "caffe"), [*squares, wide2, wide2[::-1], wide3, wide3[::-1]])


def test_every_shape_of_a_ratio_has_the_area_of_its_square():
    wide_and_tall = shapes(30, 60, (2, 3, 5.5))[2:]
    np.testing.assert_allclose(wide_and_tall.prod(axis=1), 900)


def test_a_wide_image_keeps_the_priors_of_its_shorter_side():
    config = Priors(sizes=(30, 60), at=300, ratios=((2,),))
    priors_rel = make_priors([FeatureMap("m", 2, 4, 150, 150)], config, (300, 600))
    assert priors_rel.shape == (2 * 4 * 4, 4)
    in_pixels = priors_rel * (600, 300, 600, 300)
    np.testing.assert_allclose(in_pixels[0], around(75, 75, 30, 30), atol=1e-4)
    np.testing.assert_allclose(in_pixels[-4], around(525, 225, 30, 30), atol=1e-4)


def test_sizes_follow_the_image():
    config = Priors(sizes=(30, 60), at=300, ratios=((2,),))
    priors_rel = make_priors([FeatureMap("m", 1, 1, 600, 600)], config, (600, 600))
    np.testing.assert_allclose(priors_rel[0] * 600, around(300, 300, 60, 60), atol=1e-4)


def test_given_steps_and_offset_win():
    config = Priors(sizes=(30, 60), at=300, ratios=((2,),), steps=(100,), offset=0.25)
    priors_rel = make_priors([FeatureMap("m", 3, 3, 7, 7)], config, (300, 300))
    np.testing.assert_allclose(priors_rel[0] * 300, around(25, 25, 30, 30), atol=1e-4)


def test_clipped_priors_stay_in_the_image():
    config = SSD300.model_copy(update={"clip": True})
    priors_rel = make_priors(MAPS300, config, (300, 300))
    assert priors_rel.min() == 0
    assert priors_rel.max() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sizes": (30, 60)}, "priors.sizes: needs 7"),
        ({"ratios": ((2,),)}, "priors.ratios: needs 6"),
        ({"steps": (8, 16)}, "priors.steps: needs 6"),
    ],
)
def test_numbers_that_do_not_fit_the_maps_are_named(change, field):
    with pytest.raises(BadInput, match=field):
        make_priors(MAPS300, SSD300.model_copy(update=change), (300, 300))
