"""Datasets over HTTP."""

import cv2
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs multibox[serve]")
pytest.importorskip("httpx", reason="needs httpx")

from multibox.evaluation.coco_results import save_results
from multibox.evaluation.columns import Found
from multibox.explain.browsing import open_datasets
from multibox.prepare.render import decode
from served import assert_refused, client_of


@pytest.fixture
def datasets(store_root, tmp_path):
    """Two stores; nothing was found in the second, so that everything there is missed."""
    datasets = open_datasets(["tiny/train", "tiny/val"])
    nothing = Found(np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32), np.zeros((0, 4)))
    save_results(tmp_path / "none.json", nothing, [], [])
    return {**datasets, **open_datasets(["tiny/val"], tmp_path / "none.json")}


@pytest.fixture
def client(datasets):
    with client_of(datasets=datasets) as client:
        yield client


def test_what_there_is(client, datasets):
    train = datasets["tiny/train"].store.meta.counts
    assert client.get("/v1/datasets").json() == [
        {"name": "tiny/train", "images": 4, "objects": train.objects, "classes": ["ball", "crate"], "mistakes": False},
        {
            "name": "tiny/val",
            "images": 2,
            "objects": datasets["tiny/val"].store.meta.counts.objects,
            "classes": ["ball", "crate"],
            "mistakes": True,
        },
    ]


def test_pictures_page_by_page(client, datasets):
    first = client.get("/v1/datasets/images", params={"data": "tiny/train", "limit": 3}).json()
    rest = client.get("/v1/datasets/images", params={"data": "tiny/train", "limit": 3, "offset": 3}).json()
    assert first["total"] == rest["total"] == 4
    shown = first["images"] + rest["images"]
    assert [image["id"] for image in shown] == ["000000", "000001", "000002", "000003"]
    for image, record in zip(shown, datasets["tiny/train"].store, strict=True):
        assert (image["width"], image["height"]) == (record.width, record.height)
        assert [one["box"] for one in image["objects"]] == record.objects.boxes.tolist()
        assert "mistakes" not in image


def test_filters(client, datasets):
    def ids(**query):
        return [image["id"] for image in client.get("/v1/datasets/images", params=query).json()["images"]]

    balls = [record.id for record in datasets["tiny/train"].store if (record.objects.labels == 0).any()]
    assert ids(data="tiny/train", **{"class": "ball"}) == balls
    assert ids(data="tiny/train", size="large") == []
    missed = client.get("/v1/datasets/images", params={"data": "tiny/val", "mistake": "missed"}).json()["images"]
    assert [image["id"] for image in missed] == ["000004", "000005"]
    assert [len(image["mistakes"]["missed"]) for image in missed] == [len(image["objects"]) for image in missed]
    assert ids(data="tiny/val", mistake="false") == []


def test_a_picture_as_it_is_and_smaller(client, datasets):
    record = datasets["tiny/train"].record("000001")
    whole = client.get("/v1/datasets/picture", params={"data": "tiny/train", "id": "000001"})
    assert whole.headers["content-type"] == "image/jpeg"
    assert whole.content == record.image
    small = client.get("/v1/datasets/picture", params={"data": "tiny/train", "id": "000001", "width": 48})
    expected = cv2.resize(decode(record.image), (48, 40), interpolation=cv2.INTER_AREA)
    assert np.abs(decode(small.content).astype(int) - expected).mean() < 8
    assert small.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("images", {"data": "../../etc/passwd"}, 404, "no-dataset"),
        ("images", {}, 422, "bad-field"),
        ("images", {"data": "tiny/train", "class": "cow"}, 400, "bad-input"),
        ("images", {"data": "tiny/train", "size": "huge"}, 422, "bad-field"),
        ("images", {"data": "tiny/train", "mistake": "missed"}, 400, "bad-input"),
        ("images", {"data": "tiny/train", "offset": -1}, 422, "bad-field"),
        ("images", {"data": "tiny/train", "limit": 10**6}, 422, "bad-field"),
        ("picture", {"data": "tiny/train", "id": "../000000"}, 400, "bad-input"),
        ("picture", {"data": "tiny/train", "id": "000000", "width": 10**9}, 422, "bad-field"),
    ],
)
def test_refusals(client, path, query, status, code):
    assert_refused(client.get(f"/v1/datasets/{path}", params=query), status, code)


def test_without_datasets():
    with client_of() as client:
        assert client.get("/v1/datasets").json() == []
        answer = client.get("/v1/datasets/images", params={"data": "a/b"})
        assert "start the server with a dataset" in answer.json()["error"]["message"]
