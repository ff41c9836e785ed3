import numpy as np
import pytest

from colored import make_schema
from multibox.errors import BadInput
from multibox.explain.cells import look_at_cell, maps_of, place_of

SCHEMA = make_schema()  # maps of 8 x 8, 4 x 4 and 2 x 2 cells of 4 priors; the input is 128 x 192
PRIORS = SCHEMA.make_priors()


def test_maps_share_the_priors():
    assert [(m.index, m.height, m.width, m.per_cell, m.first) for m in maps_of(SCHEMA)] == [
        (0, 8, 8, 4, 0),
        (1, 4, 4, 4, 256),
        (2, 2, 2, 4, 320),
    ]
    assert len(PRIORS) == 336


@pytest.mark.parametrize(
    ("index", "place"),
    [(0, (0, 0, 0, 0)), (35, (0, 1, 0, 3)), (255, (0, 7, 7, 3)), (256, (1, 0, 0, 0)), (335, (2, 1, 1, 3))],
)
def test_a_prior_is_found_by_its_number(index, place):
    found = place_of(index, SCHEMA, PRIORS)
    assert (found.map, found.row, found.column, found.kind) == place


def test_ratios_are_those_of_pixels():
    """The input is wider than high, so that relative to it squares are not square."""
    ratios = [place_of(index, SCHEMA, PRIORS).ratio for index in range(4)]
    np.testing.assert_allclose(ratios, [1, 1, 2, 0.5], rtol=1e-5)


def test_a_cell_and_its_priors():
    """Row 1, column 2 of 4 x 4 cells of 32 x 48 pixels: its centre is at (120, 48); sizes are of 300, here of 128."""
    cell = look_at_cell(SCHEMA, PRIORS, 1, 1, 2)
    assert [prior.index for prior in cell.priors] == [256 + 6 * 4 + kind for kind in range(4)]
    side = 80 * 128 / 300
    np.testing.assert_allclose(cell.priors[0].pixels, [side, side], rtol=1e-5)
    x0, y0, x1, y1 = np.array(cell.priors[0].box_rel) * (192, 128, 192, 128)
    np.testing.assert_allclose([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0], [120, 48, side], rtol=1e-5)
    assert [place_of(prior.index, SCHEMA, PRIORS).kind for prior in cell.priors] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("cell", "named"), [((3, 0, 0), "map: 3"), ((-1, 0, 0), "map: -1"), ((1, 4, 0), "row: 4"), ((1, 0, 9), "column: 9")]
)
def test_no_such_cell(cell, named):
    with pytest.raises(BadInput, match=named):
        look_at_cell(SCHEMA, PRIORS, *cell)
