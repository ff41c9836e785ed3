import contextlib
import dataclasses
import threading
from bisect import bisect_right
from collections import Counter

import numpy as np
import pytest

import worker_items
from multibox.config import Config
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.models.maps import network_priors
from multibox.prepare import pipeline
from multibox.prepare.example import training_example
from multibox.prepare.pipeline import choose_workers, endless_order, training_batches

CLASSES = ("cat", "dog")
BATCH = 4


def config_with(workers=0, batch=BATCH, seed=0, weights=(), size=128):
    return Config.model_validate(
        {
            "network": {"size": [size, size]},
            "data": {"workers": workers, "weights": weights},
            "train": {"batch": batch, "seed": seed},
        }
    )


@pytest.fixture(scope="module")
def stores(make_record, tmp_path_factory):
    """Seven images and three, with the same classes in another order."""
    records = [make_record(i, boxes=[(5 + i, 5, 40 + i, 45)] * (i % 3), labels=[i % 2] * (i % 3)) for i in range(10)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTIBOX_DATA", str(tmp_path_factory.mktemp("stores")))
        return [
            write_store("one", "train", records[:7], CLASSES),
            write_store("two", "train", records[7:], CLASSES[::-1]),
        ]


def read(stores, priors_rel, steps, **options):
    config = options.pop("config", config_with())
    with training_batches(stores, CLASSES, priors_rel, config, **options) as batches:
        return [next(batches) for _ in range(steps)]


def assert_same(batches, others):
    assert len(batches) == len(others)
    for (image, targets), (other_image, other_targets) in zip(batches, others, strict=True):
        np.testing.assert_array_equal(image, other_image)
        assert targets.keys() == other_targets.keys()
        for name, column in targets.items():
            np.testing.assert_array_equal(column, other_targets[name])


def test_shapes_and_types(stores, small_priors):
    (image, targets), *_ = read(stores, small_priors, 1)
    assert (image.shape, image.dtype) == ((BATCH, 128, 128, 3), np.uint8)
    assert (targets["classes"].shape, targets["classes"].dtype) == ((BATCH, 17), np.int32)
    assert (targets["boxes"].shape, targets["boxes"].dtype) == ((BATCH, 17, 4), np.float32)


def test_a_pass_sees_each_image_once_and_each_pass_another_order(stores, small_priors):
    with training_batches(stores, CLASSES, small_priors, config_with(batch=5)) as batches:
        passes = [batches.record_ids(step) + batches.record_ids(step + 1) for step in (0, 2, 4)]
    everything = {("one/train", f"image{i}") for i in range(7)} | {("two/train", f"image{i}") for i in range(7, 10)}
    assert all(set(names) == everything for names in passes)
    assert len({tuple(names) for names in passes}) == 3


def test_record_ids_name_what_the_batch_shows(stores, small_priors, still):
    """Without random steps, the batch of a step has the images it names."""
    config = still.model_copy(update={"train": still.train.model_copy(update={"batch": BATCH})})
    by_id = {record.id: record for store in stores for record in store}
    with training_batches(stores, CLASSES, small_priors, config, start_step=2) as batches:
        image, _ = next(batches)
        names = [record_id for _, record_id in batches.record_ids(2)]
    for shown, name in zip(image, names, strict=True):
        plain = training_example(by_id[name], np.random.default_rng(0), small_priors, still)["image"]
        assert np.abs(shown.astype(int) - plain).mean() < 8  # but for the interpolation


def test_a_run_resumed_at_a_step_goes_on_as_it_would_have(stores, small_priors):
    assert_same(read(stores, small_priors, 3, start_step=4), read(stores, small_priors, 7)[4:])


def test_the_seed_decides(stores, small_priors):
    (image, _), (again, _), (other, _) = (
        read(stores, small_priors, 1, config=config_with(seed=seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(image, again)
    assert (image != other).any()


@pytest.mark.parametrize("batch", [1, 2])
def test_the_batch_size_does_not_change_the_examples(stores, small_priors, batch):
    large, targets = read(stores, small_priors, 1)[0]
    small = read(stores, small_priors, BATCH // batch, config=config_with(batch=batch))
    np.testing.assert_array_equal(np.concatenate([images for images, _ in small]), large)
    np.testing.assert_array_equal(np.concatenate([one["boxes"] for _, one in small]), targets["boxes"])


def test_hosts_share_the_global_batch(stores, small_priors):
    whole = read(stores, small_priors, 2, start_step=1)
    shares = [read(stores, small_priors, 2, start_step=1, host=host, hosts=2) for host in range(2)]
    for step, (image, targets) in enumerate(whole):
        for host in range(2):
            share, share_targets = shares[host][step]
            np.testing.assert_array_equal(share, image[host::2])
            np.testing.assert_array_equal(share_targets["classes"], targets["classes"][host::2])


def test_hosts_that_cannot_share_the_batch(stores, small_priors):
    with pytest.raises(BadInput, match=r"train\.batch: 4 images cannot be split evenly over 3 hosts"):
        training_batches(stores, CLASSES, small_priors, config_with(), hosts=3)


def test_fewer_images_than_a_batch(stores, make_store, small_priors):
    few = [make_store(stores[0][:3], CLASSES)]
    (image, _), _ = read(few, small_priors, 2, config=config_with(batch=8))
    assert len(image) == 8


@pytest.mark.parametrize(("workers", "weights"), [(1, ()), (2, (1, 2)), (4, ())])
def test_an_example_is_the_same_on_any_number_of_workers(stores, small_priors, workers, weights):
    """Also where the run starts again at a step."""
    whole = read(stores, small_priors, 7, config=config_with(weights=weights))
    config = config_with(workers=workers, weights=weights)
    assert_same(read(stores, small_priors, 5, config=config, start_step=2), whole[2:])


def test_hosts_with_workers_share_the_global_batch(stores, small_priors):
    whole = read(stores, small_priors, 4)
    share = read(stores, small_priors, 3, config=config_with(workers=2), start_step=1, host=1, hosts=2)
    assert_same(share, [(image[1::2], {name: each[1::2] for name, each in y.items()}) for image, y in whole[1:]])


def test_workers_import_neither_keras_nor_tensorflow(stores, small_priors):
    watched = [worker_items.WatchedStore(store, only_in_workers=True) for store in stores]
    got = read(watched, small_priors, 2, config=config_with(workers=1))
    assert_same(got, read(stores, small_priors, 2))
    with pytest.raises(BadInput, match="worker: this is none"):
        read(watched, small_priors, 1)


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 3), (0.2, 0.6), (0.25, 0.75), (5, 3, 2), (1e-3, 9e-3)])
def test_weights_are_the_shares_of_the_stores(weights):
    """Exactly so, wherever one begins to count; even where it is far away."""
    ends = [500, 1500, 5000][: len(weights)]
    order = endless_order(ends, weights, seed=0)
    shares = {place: round(120 * weight / sum(weights)) for place, weight in enumerate(weights)}
    for start in (0, 120, 10**9 * 120):
        assert Counter(bisect_right(ends, order[k]) for k in range(start, start + 120)) == shares


def test_each_pass_over_a_weighted_store_sees_each_image_once_in_another_order():
    def draw(seed):
        order = endless_order([40, 100], (1, 1), seed)
        return [order[k] for k in range(240)]

    drawn = draw(seed=0)
    for first, end in (0, 40), (40, 100):
        positions = [k for k in drawn if first <= k < end]
        passes = [tuple(positions[start : start + end - first]) for start in range(0, 120, end - first)]
        assert all(sorted(one) == [*range(first, end)] for one in passes)
        assert len(set(passes)) == len(passes)
    assert drawn == draw(seed=0)
    assert drawn != draw(seed=1)


def test_names_are_those_of_what_a_weighted_batch_shows(stores, small_priors, still):
    update = {"train": still.train.model_copy(update={"batch": BATCH})}
    config = still.model_copy(update=update | {"data": still.data.model_copy(update={"weights": (1, 3)})})
    plain = {
        record.id: training_example(record, np.random.default_rng(0), small_priors, still)["image"].astype(int)
        for store in stores
        for record in store
    }
    with training_batches(stores, CLASSES, small_priors, config, start_step=5) as batches:
        image, _ = next(batches)
        names = [record_id for _, record_id in batches.record_ids(5)]
    shown = [min(plain, key=lambda name: np.abs(plain[name] - one).mean()) for one in image]
    assert shown == names


def test_weights_that_do_not_fit_the_stores(stores, make_store, small_priors):
    with pytest.raises(
        BadInput, match=r"^data\.weights: 3 weights for 2 stores of data\.train; give one for each store$"
    ):
        training_batches(stores, CLASSES, small_priors, config_with(weights=(1, 2, 3)))
    with pytest.raises(BadInput, match=r"^data\.weights: a store of data\.train has no images; remove it$"):
        training_batches([*stores, make_store([])], CLASSES, small_priors, config_with(weights=(1, 2, 3)))


def mixing(workers=0, size=128, **until):
    """Five steps of two examples; mosaic and mixup until a share of them, always or never."""
    augment = {name: {"probability": 1, "until": share} for name, share in until.items()}
    config = config_with(workers=workers, batch=2, size=size)
    return Config.model_validate(
        {**config.model_dump(), "augment": augment, "train": {"batch": 2, "epochs": 5, "steps_per_epoch": 1}}
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_mosaic_ends_at_its_step_and_changes_nothing_else(stores, small_priors, workers):
    """After three steps of five; also where the run starts again before or behind that."""
    switched = mixing(workers, mosaic=0.6)
    whole = read(stores, small_priors, 5, config=switched)
    assert_same(whole[:3], read(stores, small_priors, 3, config=mixing(mosaic=1)))
    assert_same(whole[3:], read(stores, small_priors, 2, config=mixing(), start_step=3))
    assert (whole[3][0] != read(stores, small_priors, 1, config=mixing(mosaic=1), start_step=3)[0][0]).any()
    for start in (2, 4):
        assert_same(whole[start:], read(stores, small_priors, 5 - start, config=switched, start_step=start))


def test_hosts_end_mosaic_at_the_same_step(stores, small_priors):
    whole = read(stores, small_priors, 5, config=mixing(mosaic=0.6))
    share = read(stores, small_priors, 5, config=mixing(mosaic=0.6), host=1, hosts=2)
    assert_same(share, [(image[1::2], {name: each[1::2] for name, each in y.items()}) for image, y in whole])


@pytest.mark.parametrize("workers", [0, 2])
def test_the_input_grows_at_its_step(stores, workers):
    """After three steps of five; also where the run starts again before or behind that."""
    growing, small, large = (mixing(workers, size=size) for size in (192, 128, 192))
    growing = with_train(growing, small_size=0.5, small_until=0.6)
    priors = {size: network_priors(config.network, config.priors) for size, config in ((128, small), (192, large))}
    whole = read(stores, priors[192], 5, config=growing)
    assert_same(whole[:3], read(stores, priors[128], 3, config=small))
    assert_same(whole[3:], read(stores, priors[192], 2, config=large, start_step=3))
    assert [image.shape[1:3] for image, _ in whole] == [(128, 128)] * 3 + [(192, 192)] * 2
    for start in (2, 4):
        assert_same(whole[start:], read(stores, priors[192], 5 - start, config=growing, start_step=start))


def with_train(config, **fields):
    return config.model_copy(update={"train": config.train.model_copy(update=fields)})


def test_closing_ends_the_threads_and_the_batches(stores, small_priors):
    before = set(threading.enumerate())
    batches = training_batches(stores, CLASSES, small_priors, config_with())
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(timeout=5)
    assert threading.active_count() <= len(before) + 1


def test_an_image_that_cannot_be_decoded_stops_the_batches(make_record, make_store, small_priors):
    broken = dataclasses.replace(make_record(0), image=b"oh", source="photos/bad.jpg")
    with (
        training_batches([make_store([broken])], CLASSES, small_priors, config_with()) as batches,
        pytest.raises(BadInput, match=r"photos/bad\.jpg"),
    ):
        next(batches)


def test_a_broken_image_is_named_from_a_worker_too(make_record, small_priors, tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))
    broken = dataclasses.replace(make_record(0), image=b"oh", source="photos/bad.jpg")
    with (
        training_batches(
            [write_store("pets", "train", [broken], CLASSES)], CLASSES, small_priors, config_with(workers=2)
        ) as batches,
        pytest.raises(BadInput, match=r"^photos/bad\.jpg: "),
    ):
        next(batches)


def test_what_went_wrong_with_the_data_is_not_lost_in_what_was_made_of_it(make_record, make_store, small_priors):
    stores = [make_store([dataclasses.replace(make_record(0), image=b"oh", source="photos/bad.jpg")])]

    def train_and_raise(error):
        with training_batches(stores, CLASSES, small_priors, config_with()) as batches:
            with contextlib.suppress(BadInput):
                next(batches)
            raise error

    with pytest.raises(BadInput, match=r"photos/bad\.jpg"):
        train_and_raise(RuntimeError("UNKNOWN: 12 lines of another library"))
    with pytest.raises(KeyboardInterrupt):
        train_and_raise(KeyboardInterrupt)


def test_classes_are_checked_before_anything_starts(stores, small_priors):
    with pytest.raises(BadInput, match="dog"):
        training_batches(stores, ("cat",), small_priors, config_with())


@pytest.mark.parametrize(
    ("configured", "cores", "chosen"), [(0, 8, 0), (3, 2, 3), (-1, 2, 0), (-1, 4, 0), (-1, 8, 6), (-1, 64, 16)]
)
def test_workers_fit_the_cores(monkeypatch, configured, cores, chosen):
    monkeypatch.setattr(pipeline, "share_of_cores", lambda: cores)
    assert choose_workers(configured) == chosen
