import dataclasses
import multiprocessing
import sys
import threading

import numpy as np
import pytest

from multibox.config import Config
from multibox.errors import BadInput
from multibox.prepare import pipeline
from multibox.prepare.example import training_example
from multibox.prepare.pipeline import choose_workers, training_batches

CLASSES = ("cat", "dog")
BATCH = 4


def config_with(workers=0, batch=BATCH, seed=0):
    return Config.model_validate(
        {
            "network": {"size": [128, 128]},
            "data": {"workers": workers},
            "train": {"batch": batch, "seed": seed},
        }
    )


@pytest.fixture(scope="module")
def stores(make_record, make_store):
    records = [make_record(i, boxes=[(5 + i, 5, 40 + i, 45)] * (i % 3), labels=[i % 2] * (i % 3)) for i in range(10)]
    return [make_store(records[:7], CLASSES, "one"), make_store(records[7:], CLASSES[::-1], "two")]


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
    """Without chance, the batch of a step is the images it names."""
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


def test_the_batch_size_does_not_change_the_examples(stores, small_priors):
    fours, eights = read(stores, small_priors, 2), read(stores, small_priors, 1, config=config_with(batch=8))
    np.testing.assert_array_equal(np.concatenate([image for image, _ in fours]), eights[0][0])


def test_hosts_share_the_global_batch(stores, small_priors):
    whole = read(stores, small_priors, 2, start_step=1)
    shares = [read(stores, small_priors, 2, start_step=1, host=host, hosts=2) for host in range(2)]
    for step, (image, targets) in enumerate(whole):
        for host in range(2):
            share, share_targets = shares[host][step]
            np.testing.assert_array_equal(share, image[host::2])
            np.testing.assert_array_equal(share_targets["classes"], targets["classes"][host::2])


def test_hosts_that_cannot_share_the_batch(stores, small_priors):
    with pytest.raises(BadInput, match=r"train\.batch: 4 images cannot be shared by 3 hosts"):
        training_batches(stores, CLASSES, small_priors, config_with(), hosts=3)


def test_fewer_images_than_a_batch(stores, make_store, small_priors):
    few = [make_store(stores[0][:3], CLASSES)]
    (image, _), _ = read(few, small_priors, 2, config=config_with(batch=8))
    assert len(image) == 8


def test_two_processes_give_the_same_batches_and_end(stores, small_priors):
    """Also: they start at a step, and import neither Keras nor TensorFlow."""

    class WatchedStore(type(stores[0])):
        def __getitem__(self, index):
            assert multiprocessing.parent_process() is not None, "not in a worker"
            assert not {"keras", "tensorflow"} & set(sys.modules), "a worker imported Keras or TensorFlow"
            return super().__getitem__(index)

    watched = []
    for store in stores:
        copy = WatchedStore(store)
        copy.meta = store.meta
        watched.append(copy)
    before = set(multiprocessing.active_children())
    got = read(watched, small_priors, 5, config=config_with(workers=2), start_step=2)
    assert set(multiprocessing.active_children()) == before
    assert_same(got, read(stores, small_priors, 7)[2:])


def test_closing_ends_the_threads_and_the_batches(stores, small_priors):
    before = threading.active_count()
    batches = training_batches(stores, CLASSES, small_priors, config_with())
    next(batches)
    batches.close()
    batches.close()
    assert list(batches) == []
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(timeout=5)
    assert threading.active_count() <= before + 1


def test_an_image_that_cannot_be_decoded_stops_the_batches(make_record, make_store, small_priors):
    broken = dataclasses.replace(make_record(0), image=b"oh", source="photos/bad.jpg")
    with (
        training_batches([make_store([broken])], CLASSES, small_priors, config_with()) as batches,
        pytest.raises(BadInput, match=r"photos/bad\.jpg"),
    ):
        next(batches)


def test_classes_are_checked_before_anything_starts(stores, small_priors):
    with pytest.raises(BadInput, match="dog"):
        training_batches(stores, ("cat",), small_priors, config_with())


@pytest.mark.parametrize(
    ("configured", "cores", "chosen"), [(0, 8, 0), (3, 2, 3), (-1, 2, 0), (-1, 4, 0), (-1, 8, 6), (-1, 64, 16)]
)
def test_workers_fit_the_cores(monkeypatch, configured, cores, chosen):
    monkeypatch.setattr(pipeline, "_cores", lambda: cores)
    assert choose_workers(configured) == chosen
