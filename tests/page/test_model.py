"""What the page shows of its model: the same from a site's folder as from a server."""

import json
from dataclasses import asdict

import pytest

pytest.importorskip("fastapi", reason="needs multibox[serve]")

from colored import ColorRuntime, make_schema
from multibox.detect.detector import Detector
from multibox.explain.cells import maps_of
from multibox.serve.routes.detection import describe_model
from multibox.serve.settings import Settings
from paged import model_of


def test_the_model_folder_describes_the_model_as_the_server_does(node):
    classes = ("red", "constructor", "__proto__")  # which JavaScript's objects have from birth
    schema = make_schema(classes=classes, thresholds={"red": 0.7}, resize="letterbox", activation="sigmoid")
    folder = {"name": "tiny", "schema": json.loads(schema.to_json()), "maps": [asdict(one) for one in maps_of(schema)]}
    model = {**model_of(schema), "priors": schema.make_priors().reshape(-1)}
    read, described = node(
        [
            ("local/model.js", "modelOf", folder, model["priors"]),
            ("local/model.js", "describe", folder),
        ]
    )
    assert read == json.loads(json.dumps({**model, "priors": model["priors"].tolist()}))
    settings = Settings(name="tiny")
    served = json.loads(json.dumps(describe_model(Detector(ColorRuntime(schema)), settings, [])))
    assert described == {name: served[name] for name in described}
    assert set(served) - set(described) == {"variances", "limits", "datasets", "runtime", "places"}
