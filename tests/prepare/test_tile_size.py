import numpy as np
import pytest

from multibox.config import Config
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.prepare.joined import JoinedStores
from multibox.prepare.tile_size import choose_tile_size, settle_tiles, smallest_prior


@pytest.fixture
def records_of(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))

    def make(sides, size=(3000, 4000)):
        boxes = [(10, 10, 10 + side, 10 + side) for side in sides]
        record = Record("one", b"", size[1], size[0], make_objects(boxes, [0] * len(boxes)))
        return JoinedStores([write_store("some", "train", [record], ["cat"], replace=True)], ["cat"])

    return make


def configured(size):
    return Config.model_validate({"network": {"size": [size, size]}, "data": {"tiles": "auto"}})


@pytest.mark.parametrize(("size", "sides"), [(320, (16, 30, 40, 60)), (256, (24, 25, 70, 80, 90)), (512, (12, 14, 15))])
def test_three_of_four_objects_are_as_large_as_the_smallest_prior(records_of, size, sides):
    config = configured(size)
    tile = choose_tile_size(records_of(sides), config)
    in_input = np.array(sides) * size / tile
    assert (in_input > 0.95 * smallest_prior(config)).mean() >= 0.66
    assert tile % 32 == 0
    assert choose_tile_size(records_of([2 * side for side in sides]), config) == pytest.approx(2 * tile, abs=32)


@pytest.mark.parametrize(("sides", "size"), [((400, 500), (3000, 4000)), ((30, 40), (300, 400)), ((), (3000, 4000))])
def test_no_tiles_where_they_would_not_help(records_of, sides, size):
    said = []
    config = settle_tiles(records_of(sides, size), configured(320), said.append)
    assert config.data.tiles == "none"
    assert said == ["data.tiles=auto: no tiles, as they would help few objects; set data.tiles to a side to cut images"]


def test_what_was_chosen_is_said_in_one_line(records_of):
    said = []
    config = settle_tiles(records_of((30, 40, 50)), configured(320), said.append)
    assert config.data.tiles == 512
    assert said == [
        "data.tiles=auto: tiles of 512 pixels, so that three of four objects are as large as the smallest prior; set "
        "data.tiles to another side or none"
    ]
    assert settle_tiles(records_of((30,)), config, said.append) is config
