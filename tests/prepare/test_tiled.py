"""Training on tiles: the order, what each example shows, and that it depends on seed and position alone."""

import dataclasses
import pickle
from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
import pytest

from multibox.config import Config
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.prepare import tiled
from multibox.prepare.passes import Passes
from multibox.prepare.pipeline import count_examples, joined_order, training_batches
from multibox.prepare.tiles import Tiles
from multibox.prepare.tiling import tiling_of

CLASSES = ("cat", "dog")
HEIGHT, WIDTH = 300, 400
TILE = 100


def make_photo(number, count):
    """A noisy image with `count` bright rectangles at random places. Each object's id tells where it is."""
    rng = np.random.default_rng(number)
    image = rng.integers(0, 120, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    corner = rng.integers(0, (WIDTH - 24, HEIGHT - 24), (count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(8, 24, (count, 2))], axis=1)
    for x0, y0, x1, y1 in boxes.tolist():
        image[y0:y1, x0:x1] = 250
    encoded = cv2.imencode(".png", image)[1].tobytes()
    ids = [f"{number}/{i}" for i in range(count)]
    return Record(f"photo{number}", encoded, WIDTH, HEIGHT, make_objects(boxes, [number % 2] * count, ids=ids))


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Photos with many objects, one or none, and in another store one that fits into a tile."""
    photos = [make_photo(number, count) for number, count in enumerate((30, 1, 0, 12))]
    small = cv2.imencode(".png", np.full((60, 80, 3), 90, np.uint8))[1].tobytes()
    lone = Record("small", small, 80, 60, make_objects([(10, 10, 60, 50)], [0], ids=["small/0"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIBOX_DATA", str(tmp_path_factory.mktemp("stores")))
        return [write_store("large", "train", photos, CLASSES), write_store("few", "train", [lone], CLASSES)]


def configured(workers=0, seed=0, batch=4, weights=(), **data):
    data = {"tiles": TILE, "workers": workers, "weights": weights} | data
    return Config.model_validate(
        {"network": {"size": [128, 128]}, "data": data, "train": {"batch": batch, "seed": seed}}
    )


def one_pass(records, order, number=0):
    """The examples of a pass, if all passes are equally long."""
    return [records[order[k]] for k in range(number * records.examples, (number + 1) * records.examples)]


def taught(records):
    return Counter(name for each in records for name in each.objects.keep(~each.objects.crowd).ids)


def passes_of(stores, config):
    """The examples of each of the first passes, found by the pass in which the same object comes again."""
    records, _ = joined_order(stores, CLASSES, config)
    passes = records._passes[0]
    lengths = np.diff(passes._starts)
    starts = np.cumsum([0, *lengths])
    return [[records[k] for k in range(start, start + length)] for start, length in zip(starts, lengths, strict=False)]


def test_every_object_is_taught_once_a_pass_and_each_pass_has_other_tiles(stores):
    passes = passes_of(stores, configured())
    everything = Counter(name for store in stores for record in store for name in record.objects.ids)
    assert len(everything) == 44
    assert all(taught(each) == everything for each in passes)
    first, second, *_ = ([each.pixels.tobytes() for each in one if each.id == "photo0"] for one in passes)
    assert set(first) != set(second)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_the_share_of_tiles_without_objects_is_as_configured(stores, share):
    for examples in passes_of(stores, configured(empty_tiles=share)):
        empty = sum(not (~each.objects.crowd).any() for each in examples)
        assert empty == round((len(examples) - empty) * share / (1 - share))


def first_passes(sizes, objects, visible, empty):
    """Of each of the first passes, the examples that teach no object, and the number of those that teach one."""
    passes = Passes([tiling_of(size, Tiles(size=TILE)) for size in sizes], objects, visible, empty, (0,))
    for start, end in pairwise(passes._starts):
        places = [passes[k] for k in range(start, end)]
        teaches_none = [
            place
            for place in places
            if place.example not in passes.tiling(place).teaches(objects[place.record], visible)
        ]
        yield teaches_none, len(places) - len(teaches_none)


@pytest.mark.parametrize("width", [120, 150, 450])
def test_at_most_half_of_the_examples_without_objects_are_whole_images(width):
    """60 images with an object each give 40 examples without one."""
    sizes, objects = [(100, width)] * 60, [make_objects([(10, 10, 20, 20)], [0])] * 60
    tiles = tiling_of(sizes[0], Tiles(size=TILE)).tiles
    for empty, teaching in first_passes(sizes, objects, 0.25, 0.4):
        assert (len(empty), teaching) == (40, 60)
        assert sum(place.example == tiles for place in empty) == 20


def test_more_whole_images_are_taken_if_there_are_too_few_tiles():
    """Both tiles of each image teach an object, so that only the 60 whole images teach none."""
    objects = [make_objects([(10, 10, 20, 20), (130, 10, 140, 20)], [0, 0])] * 60
    for empty, teaching in first_passes([(100, 150)] * 60, objects, 0.25, 0.25):
        assert (len(empty), teaching) == (40, 120)


def test_a_pass_that_teaches_no_object_has_no_other_tiles():
    """With most borders a tile shows too little of the only object. Such a pass had all 442 examples."""
    objects = [make_objects([(500, 500, 575, 575)], [0])]
    shown = [(len(empty), teaching) for empty, teaching in first_passes([(2000, 2000)], objects, 1.0, 0.2)]
    assert set(shown) == {(0, 0), (0, 1)}


def test_no_tile_comes_twice_in_a_pass(stores):
    for examples in passes_of(stores, configured(empty_tiles=0.5)):
        seen = [(each.id, each.width, each.pixels.tobytes()) for each in examples if each.id != "small"]
        assert len(set(seen)) == len(seen)


def test_a_tile_shows_the_pixels_where_its_boxes_are(stores):
    shown = 0
    for record in passes_of(stores, configured())[0]:
        if record.width > TILE or record.id == "small":
            continue
        assert record.pixels.shape == (TILE, TILE, 3)
        for x0, y0, x1, y1 in record.objects.boxes.round().astype(int).tolist():
            assert (record.pixels[y0:y1, x0:x1] == 250).all()
            shown += 1
    assert shown > 40


def read(stores, priors_rel, steps, **options):
    config = options.pop("config", configured())
    with training_batches(stores, CLASSES, priors_rel, config, **options) as batches:
        return [next(batches) for _ in range(steps)]


def assert_same(batches, others):
    for (image, targets), (other, others_targets) in zip(batches, others, strict=True):
        np.testing.assert_array_equal(image, other)
        np.testing.assert_array_equal(targets["classes"], others_targets["classes"])
        np.testing.assert_array_equal(targets["boxes"], others_targets["boxes"])


@pytest.mark.parametrize(("workers", "weights"), [(2, ()), (3, (1, 2))])
def test_an_example_is_the_same_on_any_number_of_workers(stores, small_priors, workers, weights):
    alone = read(stores, small_priors, 6, config=configured(weights=weights))
    assert_same(read(stores, small_priors, 6, config=configured(workers, weights=weights)), alone)


def test_a_run_resumed_at_a_step_goes_on_as_it_would_have(stores, small_priors):
    """Also from one pass into the next."""
    steps = count_examples(stores, CLASSES, configured()) // 4 + 4
    assert_same(read(stores, small_priors, 6, start_step=steps - 6), read(stores, small_priors, steps)[-6:])


def test_the_batch_size_and_hosts_do_not_change_the_examples(stores, small_priors):
    large = np.concatenate([image for image, _ in read(stores, small_priors, 2, config=configured(batch=8))])
    small = np.concatenate([image for image, _ in read(stores, small_priors, 4)])
    np.testing.assert_array_equal(small, large)
    shares = [read(stores, small_priors, 4, host=host, hosts=2) for host in range(2)]
    np.testing.assert_array_equal(np.concatenate([image for image, _ in shares[1]]), small[1::2])


def test_the_seed_decides(stores, small_priors):
    (first, _), (other, _) = (read(stores, small_priors, 1, config=configured(seed=seed))[0] for seed in (0, 1))
    assert (first != other).any()


def test_mosaic_and_mixup_take_other_tiles(stores, small_priors):
    config = configured()
    mixes = {"mosaic": {"probability": 1.0}, "mixup": {"probability": 1.0}}
    config = Config.model_validate({**config.model_dump(), "augment": mixes})
    assert_same(read(stores, small_priors, 3, config=config), read(stores, small_priors, 3, config=config))
    records, order = joined_order(stores, CLASSES, config)
    drawn = [records.another(order[5], np.random.default_rng(seed)) for seed in range(40)]
    assert len({(each.id, getattr(each, "pixels", np.zeros(0)).tobytes()) for each in drawn}) > 10


def test_a_batch_can_be_named(stores, small_priors):
    with training_batches(stores, CLASSES, small_priors, configured()) as batches:
        names = [name for step in range(10) for name in batches.record_ids(step)]
    assert len(names) == 40
    assert set(names) <= {("large/train", f"photo{i}") for i in range(4)} | {("few/train", "small")}


def test_weights_draw_from_each_store_in_their_proportion(stores):
    records, order = joined_order(stores, CLASSES, configured(weights=(3, 1)))
    names = Counter(records.name(order[k])[0] for k in range(400))
    assert names == {"large/train": 300, "few/train": 100}


def test_an_image_is_decoded_once_for_many_tiles(stores, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        tiled, "decode", lambda image, source: decoded.append(source) or np.zeros((300, 400, 3), np.uint8)
    )
    records, order = joined_order(stores, CLASSES, configured())
    for k in range(records.examples):
        records[order[k]]
    assert len(decoded) == len(set(decoded)) > 1


def test_a_process_gets_records_without_pixels(stores):
    records, order = joined_order(stores, CLASSES, configured())
    before = len(pickle.dumps(records))
    shown = [records[order[k]].pixels for k in range(8)]
    assert len(pickle.dumps(records)) == before
    copy = pickle.loads(pickle.dumps(records))
    for k, pixels in enumerate(shown):
        np.testing.assert_array_equal(copy[order[k]].pixels, pixels)


def test_tiles_of_a_large_image_come_in_runs_of_few_images():
    """Of 12 megapixels each, a batch of eight shows at most three images, and each is needed once for 16 tiles."""
    tilings = [tiling_of((3000, 4000), Tiles(size=256)) for _ in range(20)]
    objects = [
        make_objects([(x, y, x + 30, y + 30) for x in range(0, 3900, 300) for y in range(0, 2900, 300)], [0] * 130)
    ] * 20
    passes = Passes(tilings, objects, 0.25, 0.2, (0,))
    owners = [passes[k].record for k in range(passes.examples)]
    batches = [len(set(owners[k : k + 8])) for k in range(0, len(owners), 8)]
    assert np.mean(batches) < 3.2
    kept, decoded = [], 0
    for owner in owners:  # a cache of eight images
        decoded += owner not in kept
        kept = [*[each for each in kept if each != owner][-7:], owner]
    assert decoded < len(owners) / 12
    assert len(set(owners[:200])) >= 8


def test_a_broken_image_is_named(stores, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    store = write_store(
        "bad", "train", [Record("b", b"no", 400, 300, make_objects([(1, 1, 30, 30)], [0]), "b.png")], CLASSES
    )
    records, order = joined_order([store], CLASSES, configured())
    for _ in range(2):
        with pytest.raises(BadInput, match=r"^b\.png: not an image"):
            records[order[0]]


def test_a_dataset_without_objects_still_has_an_order(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    store = write_store("void", "train", [make_photo(9, 0)], CLASSES)
    records, order = joined_order([store], CLASSES, configured())
    assert {records[order[k]].width for k in range(records.examples)} == {TILE, WIDTH}


def test_tiles_of_which_none_may_teach_are_refused(tmp_path, monkeypatch):
    """The object is as large as a tile, so no tile shows all of it, unless a border happens to fit."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    photo = dataclasses.replace(make_photo(9, 0), objects=make_objects([(151, 93, 251, 193)], [0]))
    store = write_store("cut", "train", [photo], CLASSES)
    with pytest.raises(
        BadInput, match=r"^data\.tile_visible: no tile shows 1 of any object; set it to a smaller share"
    ):
        joined_order([store], CLASSES, configured(tile_visible=1))
    assert joined_order([store], CLASSES, configured())[0].examples > 0
