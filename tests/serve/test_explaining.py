"""Explanations over HTTP are those of the Python functions."""

import base64
import json
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs multibox[serve]")
pytest.importorskip("httpx", reason="needs httpx")

from colored import ColorRuntime, make_schema
from multibox.data.record import Record, make_objects
from multibox.detect.load import load
from multibox.explain.browsing import open_datasets
from multibox.explain.cells import look_at_cell
from multibox.explain.matching import explain_matching, training_config
from multibox.explain.origin import explain_detections
from multibox.prepare.example import augmented_image
from multibox.prepare.render import decode
from served import OBJECTS, assert_refused, client_of, encode, painted
from tiny_onnx import write_tiny_onnx

LABELLED = json.dumps([{"name": name, "box": box} for name, box in OBJECTS.items()])


def plain(values):
    return json.loads(json.dumps(asdict(values)))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A detector of an ONNX file of random weights."""
    return load(write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx"))


@pytest.fixture(scope="module")
def client(tiny):
    with client_of(runtime=tiny.runtime) as client:
        yield client


@pytest.fixture(scope="module")
def picture():
    return {"image": ("a.png", encode(painted()))}


def test_detections(client, tiny, picture):
    for options in ({}, {"score": 0.3}):
        said = client.post("/v1/explain/detections", files=picture, data=options).json()
        assert said == plain(explain_detections(tiny, painted(), **options))
    assert len(said["detections"]) > 3
    assert any(one["removed"] for one in said["detections"])


def test_a_cell(client, tiny):
    said = client.get("/v1/explain/cell", params={"map": 1, "row": 2, "column": 3}).json()
    assert said == plain(look_at_cell(tiny.schema, tiny.priors_rel, 1, 2, 3))
    assert_refused(client.get("/v1/explain/cell", params={"map": 1, "row": 2, "column": 4}), 400, "bad-input")
    assert_refused(client.get("/v1/explain/cell", params={"map": "x", "row": 2, "column": 4}), 422, "bad-field")


def test_matching_of_an_upload(client, tiny, picture):
    said = client.post("/v1/explain/matching", files=picture, data={"objects": LABELLED}).json()
    objects = make_objects(list(OBJECTS.values()), [0, 1])
    assert said == plain(explain_matching(tiny, painted(), objects, tuple(OBJECTS)))
    assert said["counts"]["positives"] > 1


def png_of(url):
    return decode(base64.b64decode(url.removeprefix("data:image/png;base64,")))


def test_augmentation_of_an_upload_is_that_of_training(client, tiny, picture):
    content = picture["image"][1]
    record = Record("picture", content, 400, 300, make_objects(list(OBJECTS.values()), [0, 1]))
    for seed in (0, 7):
        said = client.post("/v1/explain/augmentation", files=picture, data={"objects": LABELLED, "seed": seed}).json()
        assert said["seed"] == seed
        image, objects = augmented_image(record, np.random.default_rng(seed), training_config(tiny.schema))
        last = said["steps"][-1]
        np.testing.assert_array_equal(png_of(last["after"]), image)
        assert [one["box_rel"] for one in last["objects"]] == objects.boxes.tolist()
        assert [one["name"] for one in last["objects"]] == [list(OBJECTS)[label] for label in objects.labels]
        for step, following in pairwise(said["steps"]):
            assert step["after"] == following["before"]


def test_pictures_of_datasets(store_root, tmp_path):
    """Of their classes the model knows one: that is trained with, the other is named all the same."""
    datasets, query = open_datasets(["tiny/train"]), {"data": "tiny/train", "id": "000002"}
    detector = load(write_tiny_onnx(tmp_path / "crates.onnx", make_schema(classes=("crate",))))
    record = datasets["tiny/train"].record("000002")
    with client_of(runtime=detector.runtime, datasets=datasets) as client:
        said = client.get("/v1/explain/matching", params=query).json()
        assert [one["box"] for one in said["objects"]] == record.objects.boxes.tolist()
        assert [one["trained"] for one in said["objects"]] == (record.objects.labels == 1).tolist()
        assert said == plain(explain_matching(detector, decode(record.image), record.objects, ("ball", "crate")))

        said = client.get("/v1/explain/augmentation", params={**query, "seed": 3}).json()
        image, objects = augmented_image(record, np.random.default_rng(3), training_config(detector.schema))
        np.testing.assert_array_equal(png_of(said["steps"][-1]["after"]), image)
        assert len(said["steps"][-1]["objects"]) == len(objects)

        assert_refused(client.get("/v1/explain/matching", params={**query, "id": "x"}), 400, "bad-input")
        assert_refused(client.get("/v1/explain/matching", params={**query, "data": "x"}), 404, "no-dataset")


@pytest.mark.parametrize(
    "objects",
    ["{", "3", '[{"name": "red"}]', '[{"name": 3, "box": [1, 2, 3, 4]}]', '{"name": "red"}', "[" * 9999, "[null]"],
)
def test_objects_that_are_none(client, picture, objects):
    assert_refused(client.post("/v1/explain/matching", files=picture, data={"objects": objects}), 422, "bad-field")


def test_more_refusals(client, picture):
    def post(path, **data):
        return client.post(f"/v1/explain/{path}", files=picture, data=data)

    assert_refused(post("matching", objects='[{"name": "red", "box": [9, 9, 3, 10]}]'), 400, "bad-input")
    assert_refused(post("matching", objects='[{"name": "red", "box": [NaN, 9, 30, 10]}]'), 400, "bad-input")
    assert_refused(post("matching", objects=f'[{{"name": "red", "box": [{10**400}, 9, 30, 10]}}]'), 400, "bad-input")
    many = json.dumps([{"name": "red", "box": [1, 2, 3, 4]}] * 1001)
    assert_refused(post("matching", objects=many), 422, "bad-field")
    assert_refused(post("augmentation", objects=LABELLED, seed="-1"), 422, "bad-field")
    assert_refused(post("augmentation", objects=LABELLED, seed="9" * 40), 422, "bad-field")
    assert_refused(post("detections", score="much"), 422, "bad-field")
    assert_refused(post("detections", score="nan"), 422, "bad-field")
    assert_refused(client.post("/v1/explain/detections", files={"other": picture["image"]}), 422, "bad-field")
    assert_refused(client.post("/v1/explain/detections", files={"image": ("a", b"?")}), 415, "not-an-image")


def test_an_image_without_objects_is_explained_too(client, picture):
    for path in ("matching", "augmentation"):
        answer = client.post(f"/v1/explain/{path}", files=picture)
        assert answer.status_code == 200, answer.text


def test_a_file_that_suppresses_keeps_nothing_to_explain(picture):
    class Selecting(ColorRuntime):
        has_nms = True

    with client_of(runtime=Selecting()) as client:
        answer = client.post("/v1/explain/detections", files=picture)
    assert_refused(answer, 400, "bad-input")
    assert "detections cannot be explained" in answer.json()["error"]["message"]


def test_it_is_documented(client):
    said = client.get("/openapi.json").json()
    assert "removed" in said["components"]["schemas"]["Explained"]["properties"]
    form = said["paths"]["/v1/explain/matching"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert set(form["schema"]["properties"]) == {"image", "objects"}
