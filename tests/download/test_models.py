import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.download.fetch import RemoteFile
from multibox.download.models import MODELS, PublishedModel
from multibox.importers import KINDS

WEIGHTS = bytes(5000)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_get_a_file(site, monkeypatch):
    site.files["/net-1234.pth"], site.most = WEIGHTS, 3000
    file = RemoteFile((f"{site.url}/net-1234.pth",), f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()[:8]}")
    monkeypatch.setitem(MODELS, "net", PublishedModel("net", "caffe", file, "MIT"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    result = run("model", "get", "net")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "models/net/net-1234.pth; licence: MIT",
        "import the weights with: multibox import models/net/net-1234.pth --from caffe --out net.keras",
    ]
    assert Path("models/net/net-1234.pth").read_bytes() == WEIGHTS
    assert run("model", "get", "net").exit_code == 0
    assert len(site.ranges) == 2


def test_get_a_member_of_an_archive(site, monkeypatch):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        info = tarfile.TarInfo("deep/net.caffemodel")
        info.size = len(WEIGHTS)
        archive.addfile(info, io.BytesIO(WEIGHTS))
    site.files["/net.tar.gz"] = content.getvalue()
    file = RemoteFile((f"{site.url}/net.tar.gz",))
    model = PublishedModel("net", "caffe", file, "MIT", member="deep/net.caffemodel")
    monkeypatch.setitem(MODELS, "net", model)
    result = run("model", "get", "net", "--out", "there")
    assert result.exit_code == 0, result.output
    assert Path("there/deep/net.caffemodel").read_bytes() == WEIGHTS
    assert result.stdout.splitlines()[0] == (
        "net.tar.gz: its publisher gives no checksum; the file could not be verified"
    )
    assert result.stdout.splitlines()[-1].endswith(
        "multibox import there/deep/net.caffemodel --from caffe --out net.keras"
    )
    assert run("model", "get", "net", "--out", "there").exit_code == 0
    assert len(site.ranges) == 1
    monkeypatch.setitem(MODELS, "net", PublishedModel("net", "caffe", file, "MIT", member="other"))
    assert "net.tar.gz: has no member other" in run("model", "get", "net", "--out", "there").stderr


def test_an_unknown_name():
    result = run("model", "get", "yolo")
    assert result.exit_code == 2
    assert "yolo: no model of that name can be downloaded; available: torchvision-ssd300, " in result.stderr


def test_list():
    shown = json.loads(run("model", "list", "--json").stdout)
    assert [row["name"] for row in shown] == list(MODELS)
    first = shown[0]
    assert first["url"] == "https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth"
    assert first["checksum"] == "sha256:b556d3b4"
    assert (first["score"], first["measure"], first["licence"]) == (25.1, "COCO val2017 mAP", "BSD-3-Clause")
    table = run("model", "list").stdout
    assert all(name in table for name in MODELS)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_the_table(model):
    assert MODELS[model.name] is model
    assert model.licence
    assert all(re.match(r"https://[^/]+/\S+\.(pth|h5|tar\.gz)$", url) for url in model.file.urls)
    assert re.fullmatch(r"sha256:([0-9a-f]{8}|[0-9a-f]{64})|md5:[0-9a-f]{32}|", model.file.checksum)
    assert (model.score is None) == (model.measure == "")
    assert bool(model.member) == model.file.name.endswith(".tar.gz")
    assert model.kind in KINDS
