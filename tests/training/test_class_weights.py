"""Factors of the classes are computed once, written into the run's configuration, and read from there."""

import logging

import numpy as np
import pytest

from multibox.config_file import load_config, parse_config, to_yaml
from multibox.data.presence import presence_in
from multibox.data.record import Record, make_objects
from multibox.data.store import open_store
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.prepare import pipeline
from multibox.prepare.pipeline import training_batches
from multibox.training import setup
from multibox.training.changes import change_config
from multibox.training.class_weights import inverse_sqrt, with_class_weights
from multibox.training.experiment import Experiment
from multibox.training.setup import set_up
from training import small_network

CLASSES = ("cat", "dog", "emu")


@pytest.fixture
def stores(tmp_path, monkeypatch):
    """Nine cats, a dog, and no emu. One more dog is a crowd, and one is difficult."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path))

    def make_record(number, boxes, labels, **flags):
        return Record(f"{number}", b"", 80, 60, make_objects(boxes, labels, **flags))

    box, far = (5, 5, 30, 30), (40, 10, 70, 50)
    cats = [make_record(i, boxes=[box], labels=[0]) for i in range(8)]
    others = [
        make_record(8, boxes=[box, far], labels=[0, 1]),
        make_record(9, boxes=[box], labels=[1], crowd=[True]),
        make_record(10, boxes=[box], labels=[1], difficult=[True]),
    ]
    return [write_store("one", "train", [*cats, *others], CLASSES)]


def weights(given, stores, **fields):
    overrides = {"data.classes": list(CLASSES), "loss.class_weights": given, **fields}
    return with_class_weights(load_config(overrides=overrides), stores).loss.class_weights


def test_the_square_root_of_the_counts(stores, caplog):
    caplog.set_level(logging.INFO, "multibox")
    assert weights("inverse_sqrt", stores, **{"data.difficult": "drop"}) == {"cat": 1.0, "dog": 3.0, "emu": 1.0}
    assert "loss.class_weights=inverse_sqrt: cat 1.0, dog 3.0, emu 1.0" in caplog.text
    assert weights("inverse_sqrt", stores) == {"cat": 1.0, "dog": round(4.5**0.5, 4), "emu": 1.0}


def test_given_factors_are_completed_in_the_order_of_the_classes(stores):
    assert list(weights({"emu": 4, "cat": 2}, stores).items()) == [("cat", 2.0), ("dog", 1.0), ("emu", 4.0)]
    assert weights("none", stores) == "none"


def test_new_factors_replace_the_old_ones_as_a_whole(tmp_path):
    earlier = tmp_path / "config.yaml"
    earlier.write_text(to_yaml(load_config(overrides={"loss.class_weights": {"cat": 2, "dog": 3}})), "utf-8")
    again = tmp_path / "again.yaml"
    again.write_text(f"extends: {earlier}\nloss: {{class_weights: {{dog: 5}}}}\n", "utf-8")
    assert load_config(earlier, ["loss.class_weights={emu: 4}"]).loss.class_weights == {"emu": 4.0}
    assert load_config(earlier, ["loss.class_weights={}"]).loss.class_weights == {}
    assert load_config(again).loss.class_weights == {"dog": 5.0}
    with pytest.raises(BadInput, match=r"^loss\.class_weights\.cat: names a part .* loss\.class_weights=\{cat: 2\}$"):
        load_config(earlier, ["loss.class_weights.cat=9"])


@pytest.mark.parametrize(("before", "after"), [("none", {"cat": 2}), ({"cat": 2}, "none"), ({"cat": 2}, {"dog": 2})])
def test_a_resumed_run_refuses_other_factors(before, after, tmp_path):
    config = load_config(overrides={"loss.class_weights": before})
    with pytest.raises(BadInput, match=r"^loss\.class_weights: cannot change when a run is resumed"):
        change_config(Experiment(tmp_path), config, {"loss.class_weights": after})


@pytest.mark.parametrize(
    ("factors", "reason"),
    [
        ("{yes: 3}", "True is no text, so put the class name into quotes"),
        ("{1: 3}", "1 is no text, so put the class name into quotes"),
        ("{cat: 2, dog: 0}", "not 0 for dog"),
        ("{cat: 1e2}", "not '1e2' for cat"),
    ],
)
def test_the_message_names_the_wrong_factor(factors, reason):
    with pytest.raises(BadInput, match=f"loss\\.class_weights: must be none.*{reason}$"):
        load_config(overrides=[f"loss.class_weights={factors}"])
    assert load_config(overrides=["loss.class_weights={'yes': 3}"]).loss.class_weights == {"yes": 3.0}


def test_a_class_that_the_run_does_not_have(stores):
    with pytest.raises(BadInput, match=r"^loss\.class_weights: the run has no class owl; its classes are"):
        weights({"owl": 2}, stores)


def test_a_resumed_run_reads_the_same_factors_and_counts_nothing(stores):
    overrides = {"data.classes": list(CLASSES), "loss.class_weights": "inverse_sqrt"}
    config = with_class_weights(load_config(overrides=overrides), stores)
    again = load_config_text(to_yaml(config))
    assert again == config
    assert with_class_weights(again, []) == config
    assert list(again.loss.class_weights) == list(CLASSES)


def test_a_model_counts_the_training_images_of_each_class(store_root, monkeypatch):
    monkeypatch.setattr(setup, "build", small_network.build)
    overrides = {
        "data.classes": ["ball", "crate"],
        "network.size": [128, 128],
        "network.weights": "none",
        "network.batch_norm": "trained",
    }
    store = open_store("tiny/train")
    counts = {
        name: sum(label in record.objects.labels for record in store) for label, name in enumerate(store.meta.classes)
    }
    assert set(counts.values()) != {0}
    assert set_up(load_config(overrides=overrides), [store]).schema.images_of_class == counts


def test_the_network_the_order_and_the_remarks_share_one_count(store_root, monkeypatch):
    counted = []
    monkeypatch.setattr(setup, "build", small_network.build)
    for module in (setup, pipeline):
        monkeypatch.setattr(module, "presence_in", lambda *given: counted.append(given) or presence_in(*given))
    fields = {
        "data.train": ["tiny/train"],
        "data.classes": ["ball", "crate"],
        "data.balance": 0.5,
        "network.size": [128, 128],
        "network.weights": "none",
        "network.batch_norm": "trained",
    }
    made = set_up(load_config(overrides=fields), [open_store("tiny/train")])
    setup.log_remarks(made)
    with training_batches(
        made.stores, made.schema.classes, made.schema.make_priors(), made.config, joined=made.joined
    ) as batches:
        assert len(batches.record_ids(0)) == made.config.train.batch
    assert len(counted) == 1


def load_config_text(text):
    import yaml

    return parse_config(yaml.safe_load(text), "config.yaml")


def test_no_object_at_all():
    assert inverse_sqrt(np.array([0, 0])) == [1.0, 1.0]
