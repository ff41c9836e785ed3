"""``multibox serve``: what it refuses before the port opens, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.detect.load import load
from multibox.serve.opening import open_and_serve
from served import as_file, painted
from tiny_onnx import write_tiny_onnx

COMMAND = (sys.executable, "-m", "multibox", "serve")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def refusal_of(monkeypatch):
    """Runs the command, which has to end before it announces a server."""

    def run(*arguments, **environment):
        done = CliRunner().invoke(main, ["serve", *map(str, arguments)], env=environment)
        assert done.exit_code == 2, done.output
        assert done.stderr.startswith("multibox: ")
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
        return done.stderr

    monkeypatch.setattr("uvicorn.Server.run", lambda *_: pytest.fail("it was served"))
    return run


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(model, picture, stop):
    environment = os.environ | {"MULTIBOX_TOKEN": "s3cret"}
    with subprocess.Popen(
        [*COMMAND, str(model), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
            with httpx.Client(base_url=url, timeout=30) as client:
                assert client.get("/v1/model").status_code == 401
                client.headers["Authorization"] = "Bearer s3cret"
                assert client.get("/v1/model").json()["runtime"] == "onnx"
                said = client.post("/v1/detect", files=[as_file(picture)], data={"score": 0.2}).json()
            found = load(model)(painted(), score=0.2)
            assert [one["score"] for one in said["results"][0]["detections"]] == found.scores.tolist()
        finally:
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=30)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_a_port_in_use(model, refusal_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port: {port}" in refusal_of(model, "--port", port)


def test_what_cannot_be_opened_is_refused(tmp_path, model, refusal_of):
    assert "no such model" in refusal_of(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"x" * 100)
    assert "bad.onnx" in refusal_of(tmp_path / "bad.onnx")
    assert "none/val" in refusal_of(model, "--data", "none/val", MULTIBOX_DATA=str(tmp_path))
    assert "--data" in refusal_of(model, "--detections", "some.json")
    assert "--token" in refusal_of(model, "--token", "two words")
    for origin in ("*", "https://example.org/", "example.org"):
        assert "--cors-origin" in refusal_of(model, "--cors-origin", origin)
    assert "--host" in refusal_of(model, "--host", "192.0.2.1")
    assert "--line" in refusal_of(model, "--line", "gate:0,0,1")
    assert "--zone" in refusal_of(model, "--zone", "0,0,1,0,1,1")
    assert "--zone" in refusal_of(model, "--line", "door:0,0,1,1", "--zone", "door:0,0,1,0,1,1")


def test_lines_and_zones_are_those_of_the_settings(model, monkeypatch):
    served = []
    monkeypatch.setattr("multibox.serve.server.serve", lambda detector, settings, *_: served.append(settings))
    arguments = ["--line", "gate:0,0,1,1", "--zone", "yard:0,0,1,0,1,1", "--anchor", "bottom"]
    assert CliRunner().invoke(main, ["serve", str(model), *arguments]).exit_code == 0
    (settings,) = served
    assert [place.name for place in settings.places] == ["gate", "yard"]
    assert settings.anchor == "bottom"


def test_mistakes_are_those_above_the_thresholds_of_the_model(model, monkeypatch):
    asked = []
    monkeypatch.setattr("multibox.explain.browsing.open_datasets", lambda *given: asked.append(given) or {})
    monkeypatch.setattr("multibox.serve.server.serve", lambda *_: None)
    open_and_serve(str(model), ["photos/val"], "found.json", show=0.7)
    assert asked == [(["photos/val"], "found.json", {"red": 0.7, "green": 0.7, "blue": 0.7})]


def test_no_keras_is_imported(model):
    code = (
        "import sys; from multibox.serve.app import create_app; from multibox.serve.opening import open_and_serve;"
        "from multibox.serve.server import serve;"
        "print([name for name in ('keras', 'tensorflow', 'jax', 'grain') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
