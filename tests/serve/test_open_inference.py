"""The Open Inference Protocol: the same detections, in tensors."""

import base64
import json
import tracemalloc

import numpy as np
import pytest

from colored import ColorRuntime
from multibox.detect.detector import Detector
from multibox.serve.refused import Refused
from multibox.serve.tensors import read_request
from served import painted, server_of

HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def expected():
    """Of :func:`served.painted`, all above the score of evaluation."""
    detector = Detector(ColorRuntime())
    found = detector.detect([detector.prepare(painted())])[0]
    assert len(found) >= 2
    return found


def infer(client, request, tensors=b"", path="/v2/models/colors/infer"):
    head = json.dumps(request).encode()
    headers = {HEADER: str(len(head)), "Content-Type": "application/octet-stream"} if tensors else {}
    return client.post(path, content=head + tensors, headers=headers)


def assert_expected(outputs, found, pictures=1):
    assert list(outputs) == ["boxes", "scores", "labels", "count"]
    count = len(found)
    assert outputs["count"].tolist() == [count] * pictures
    for i in range(pictures):
        np.testing.assert_array_equal(outputs["boxes"][i, :count], found.boxes)
        np.testing.assert_array_equal(outputs["scores"][i, :count], found.scores)
        np.testing.assert_array_equal(outputs["labels"][i, :count], found.labels)
    assert not outputs["boxes"][:, count:].any()
    assert not outputs["scores"][:, count:].any()
    assert (outputs["labels"][:, count:] == -1).all()


def from_json(answer):
    assert answer.status_code == 200, answer.text
    types = {"FP32": np.float32, "INT32": np.int32}
    return {
        output["name"]: np.array(output["data"], types[output["datatype"]]).reshape(output["shape"])
        for output in answer.json()["outputs"]
    }


def test_what_is_said_of_the_server_and_the_model(colors):
    assert colors.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert colors.get("/v2/health/live").status_code == 200
    assert colors.get("/v2/health/ready").status_code == 200
    model = colors.get("/v2/models/colors").json()
    assert model == colors.get("/v2/models/colors/versions/1").json()
    assert model["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}]
    assert [output["name"] for output in model["outputs"]] == ["boxes", "scores", "labels", "count"]
    assert colors.get("/v2/models/colors/ready").json()["ready"] is True
    unknown = colors.get("/v2/models/cats")
    assert unknown.status_code == 404
    assert isinstance(unknown.json()["error"], str)


def test_encoded_pictures_in_json(colors, picture, expected):
    data = [base64.b64encode(picture).decode()] * 2
    request = {"id": "7", "inputs": [{"name": "image", "shape": [2], "datatype": "BYTES", "data": data}]}
    answer = infer(colors, request)
    assert answer.json()["id"] == "7"
    assert answer.json()["model_name"] == "colors"
    assert_expected(from_json(answer), expected, pictures=2)


def test_pixels_in_json(colors):
    small = painted()[::4, ::4]
    detector = Detector(ColorRuntime())
    found = detector.detect([detector.prepare(small)])[0]
    for data in (small[None].tolist(), small.ravel().tolist()):
        request = {"inputs": [{"name": "image", "shape": [1, 75, 100, 3], "datatype": "UINT8", "data": data}]}
        assert_expected(from_json(infer(colors, request)), found)


def test_binary_tensors_both_ways(colors, picture, expected):
    content = np.stack([painted()] * 2).tobytes()
    given = {"name": "image", "shape": [2, 300, 400, 3], "datatype": "UINT8"}
    wanted = [{"name": "scores", "parameters": {"binary_data": True}}, {"name": "count"}]
    request = {"inputs": [given | {"parameters": {"binary_data_size": len(content)}}], "outputs": wanted}
    answer = infer(colors, request, content)
    head = json.loads(answer.content[: int(answer.headers[HEADER])])
    rest = answer.content[int(answer.headers[HEADER]) :]
    assert [output["name"] for output in head["outputs"]] == ["scores", "count"]
    assert head["outputs"][0]["parameters"]["binary_data_size"] == len(rest)
    scores = np.frombuffer(rest, "<f4").reshape(head["outputs"][0]["shape"])
    np.testing.assert_array_equal(scores[1, : len(expected)], expected.scores)
    assert head["outputs"][1]["data"] == [len(expected)] * 2


def test_encoded_pictures_as_bytes_and_a_score(colors, picture):
    content = len(picture).to_bytes(4, "little") + picture
    given = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(content)}}
    found = Detector(ColorRuntime())(painted(), score=0.9)
    assert_expected(from_json(infer(colors, {"inputs": [given], "parameters": {"score": 0.9}}, content)), found)


IMAGE = {"name": "image", "shape": [1, 2, 2, 3], "datatype": "UINT8", "data": [0] * 12}
BYTES = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 5}}


@pytest.mark.parametrize(
    ("request_json", "tensors"),
    [
        ({}, b""),
        ({"inputs": []}, b""),
        ({"inputs": [IMAGE | {"name": "x"}]}, b""),
        ({"inputs": [IMAGE | {"datatype": "FP32"}]}, b""),
        ({"inputs": [IMAGE | {"shape": [1, 2, 2, 4]}]}, b""),
        ({"inputs": [IMAGE | {"shape": [-1, 2, 2, 3]}]}, b""),
        ({"inputs": [IMAGE | {"shape": [2**40] * 4}]}, b""),
        ({"inputs": [IMAGE | {"shape": [12]}]}, b""),
        ({"inputs": [IMAGE | {"shape": "x"}]}, b""),
        ({"inputs": [IMAGE | {"data": [256] * 12}]}, b""),
        ({"inputs": [IMAGE | {"data": [0.5] * 12}]}, b""),
        ({"inputs": [IMAGE | {"data": [[1], [2, 3]]}]}, b""),
        ({"inputs": [IMAGE | {"data": [10**30] * 12}]}, b""),
        ({"inputs": [IMAGE | {"data": None}]}, b""),
        ({"inputs": [IMAGE | {"data": []}]}, b""),
        ({"inputs": [IMAGE | {"data": [True] * 12}]}, b""),
        ({"inputs": [IMAGE | {"data": ["0"] * 12}]}, b""),
        ({"inputs": [IMAGE | {"data": [[0] * 5, [0] * 7]}]}, b""),
        ({"inputs": [IMAGE, IMAGE]}, b""),
        ({"inputs": [IMAGE], "outputs": [{"name": "x"}]}, b""),
        ({"inputs": [IMAGE], "parameters": {"score": "x"}}, b""),
        ({"inputs": [IMAGE], "parameters": {"score": 3}}, b""),
        ({"inputs": [IMAGE]}, b"left over"),
        ({"inputs": [BYTES]}, b"\xff\xff\xff\xffx"),
        ({"inputs": [BYTES]}, b"\x01\0\0\0"),
        ({"inputs": [BYTES | {"shape": [3]}]}, b"\x01\0\0\0x"),
        ({"inputs": [BYTES | {"parameters": {"binary_data_size": 10**12}}]}, b"\x01\0\0\0x"),
        ({"inputs": [BYTES | {"parameters": {"binary_data_size": -1}}]}, b"\x01\0\0\0x"),
        ({"inputs": [BYTES]}, b"\x01\0\0\0x"),
        ({"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["?"]}]}, b""),
    ],
)
def test_requests_that_are_none(colors, request_json, tensors):
    answer = infer(colors, request_json, tensors)
    assert 400 <= answer.status_code < 500, answer.text
    assert isinstance(answer.json()["error"], str)


def test_one_long_string_does_not_make_all_long():
    request = {"inputs": [IMAGE | {"data": ["x" * 100_000, *["y"] * 2000]}]}
    tracemalloc.start()
    with pytest.raises(Refused, match="whole numbers"):
        read_request(json.dumps(request).encode(), None)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_null_is_as_if_it_were_left_out(colors):
    request = {"id": None, "parameters": None, "outputs": None, "inputs": [IMAGE | {"parameters": None}]}
    answer = infer(colors, request)
    assert answer.status_code == 200, answer.text
    assert "id" not in answer.json()


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "1e3", "", "3"])
def test_a_length_of_json_that_is_none(colors, length):
    answer = colors.post("/v2/models/colors/infer", content=b'{"inputs": []}', headers={HEADER: length})
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.slow
def test_a_client_of_triton(picture, expected):
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    with server_of() as url:
        client = triton.InferenceServerClient(url.removeprefix("http://"))
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("colors")
        assert client.get_model_metadata("colors")["inputs"][0]["name"] == "image"
        pixels = triton.InferInput("image", [1, 300, 400, 3], "UINT8")
        pixels.set_data_from_numpy(painted()[None])
        encoded = triton.InferInput("image", [1], "BYTES")
        encoded.set_data_from_numpy(np.array([picture], object))
        listed = triton.InferInput("image", [1, 300, 400, 3], "UINT8")
        listed.set_data_from_numpy(painted()[None], binary_data=False)
        for given in (pixels, encoded, listed):
            result = client.infer("colors", [given])
            names = ("boxes", "scores", "labels", "count")
            assert_expected({name: result.as_numpy(name) for name in names}, expected)
        with pytest.raises(triton.InferenceServerException, match="no such model"):
            client.infer("cats", [pixels])
        client.close()
