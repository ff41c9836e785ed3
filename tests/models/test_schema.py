"""A schema that no network can have is refused when its file is read."""

import json

import pytest

from colored import make_schema
from multibox.errors import BadInput
from multibox.models.schema import parse_schema


def changed(path, value):
    """The text of a schema with one value replaced. The path is its keys and positions."""
    values = json.loads(make_schema().to_json())
    *keys, last = path
    place = values
    for key in keys:
        place = place[key]
    place[last] = value
    return json.dumps(values)


def test_a_schema_comes_back_as_it_was():
    assert parse_schema(make_schema().to_json(), "x.onnx") == make_schema()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("classes",), [], "it has no classes"),
        (("maps",), [], "priors.sizes: needs 1 sizes for 0 feature maps, but has 4"),
        (("priors", "ratios"), [[2], [2]], "priors.ratios: needs 3 lists"),
        (("priors", "steps"), [8], "priors.steps: needs 3 steps"),
        (("maps", 0, "height"), 0, "the map map8 has 0 x 8 cells"),
        (("maps", 1, "width"), 193, "the map map4 has 4 x 193 cells"),
        (("maps", 2, "height"), 2**62, "the map map2 has 4611686018427387904 x 2 cells"),
        (("maps", 0, "step_x"), -1, "the map map8 has steps of 16.0 and -1.0 pixels"),
    ],
)
def test_what_no_network_can_have_is_named(path, value, message):
    with pytest.raises(BadInput) as error:
        parse_schema(changed(path, value), "x.onnx")
    assert str(error.value).startswith("x.onnx: its multibox.json does not describe a network: " + message)


def test_more_priors_than_any_network_has():
    schema = json.loads(make_schema().to_json())
    schema["network"]["size"] = [4096, 4096]
    schema["maps"][0] |= {"height": 2048, "width": 2048}
    with pytest.raises(BadInput, match=r"it has 16,777,296 priors"):
        parse_schema(json.dumps(schema), "x.onnx")


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"format": 3}', '{"format": "x"}', '{"format": null}'])
def test_what_is_no_schema(text):
    with pytest.raises(BadInput, match=r"^x\.onnx: "):
        parse_schema(text, "x.onnx")


def test_a_schema_from_before_there_were_tiles_has_none():
    values = json.loads(make_schema(tiles=640).to_json())
    assert parse_schema(json.dumps(values), "new").tiles == 640
    del values["tiles"]
    assert parse_schema(json.dumps(values), "old").tiles == "none"


@pytest.mark.parametrize("tiles", ["auto", -1, 1.5, "big"])
def test_a_schema_with_tiles_that_cannot_be_is_refused(tiles):
    values = json.loads(make_schema().to_json()) | {"tiles": tiles}
    with pytest.raises(BadInput, match=r"does not hold a model's schema \(tiles\)"):
        parse_schema(json.dumps(values), "bad")
