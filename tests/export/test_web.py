"""A site: which files it has, and that it is written whole or not at all."""

import hashlib
import json
import re

import numpy as np
import pytest

from colored import make_schema
from multibox.errors import BadInput, RunFailed
from multibox.explain.cells import maps_of
from multibox.export import FORMATS
from multibox.export.web import Site, write_site
from multibox.export.web_runtime import WASM, WEBGPU
from multibox.models.schema import Schema
from multibox.page.files import site_page
from multibox.page.service_worker import service_worker
from multibox.runtimes import OnnxRuntime
from tiny_onnx import write_tiny_onnx

SCHEMA = make_schema()


@pytest.fixture
def write(tmp_path_factory):
    """Write the site of a tiny network, as an export does after it has built the network."""
    model = write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx", SCHEMA).read_bytes()

    def write(folder, *, webgpu=False):
        names = (*WASM, *WEBGPU) if webgpu else WASM
        with FORMATS["web"].new(folder) as new:
            write_site(new, Site("tiny", webgpu, {name: name.encode() for name in names}), SCHEMA, model)
        return folder

    return write


@pytest.fixture
def site(write, tmp_path):
    return write(tmp_path / "site")


def written(site):
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_a_site_is_the_page_the_model_the_runtime_and_the_service_worker(site):
    model = {"model/model.onnx", "model/model.json", "model/priors.bin"}
    runtime = {"ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"}
    licenses = {"LICENSE", "ThirdPartyNotices.txt"}
    expected = {*site_page(), *model, *(f"runtime/{name}" for name in runtime | licenses), "sw.js", ".multibox"}
    assert written(site) == expected
    assert "Microsoft Corporation" in (site / "runtime" / "LICENSE").read_text()
    assert (site / "runtime" / "ort-wasm-simd-threaded.wasm").read_bytes() == b"ort-wasm-simd-threaded.wasm"


def test_the_description_of_the_model_is_the_schema_and_its_maps(site):
    about = json.loads((site / "model" / "model.json").read_text())
    schema = OnnxRuntime(site / "model" / "model.onnx").schema
    assert about["name"] == "tiny"
    assert Schema.model_validate(about["schema"]) == schema
    assert [tuple(fmap.values()) for fmap in about["maps"]] == [tuple(vars(fmap).values()) for fmap in maps_of(schema)]
    assert about["webgpu"] is False
    priors = np.fromfile(site / "model" / "priors.bin", "<f4").reshape(-1, 4)
    np.testing.assert_array_equal(priors, schema.make_priors())


def test_the_service_worker_knows_every_file_by_its_content(site):
    text = (site / "sw.js").read_text()
    listed = json.loads(re.search(r"^const FILES = (\{.*?\});$", text, re.DOTALL | re.MULTILINE)[1])
    assert set(listed) == written(site) - {"sw.js", ".multibox"}
    assert all(hashlib.sha256((site / name).read_bytes()).hexdigest() == digest for name, digest in listed.items())


def test_the_service_worker_changes_with_any_file():
    versions = {
        re.search(r'^const VERSION = "(\w+)";$', service_worker(content).decode(), re.MULTILINE)[1]
        for content in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b"1"}, {"a": b"1"})
    }
    assert len(versions) == 4


def test_webgpu_adds_its_files_and_says_so(write, tmp_path):
    site = write(tmp_path / "site", webgpu=True)
    about = json.loads((site / "model" / "model.json").read_text())
    assert about["webgpu"] is True
    assert (site / "runtime" / "ort-wasm-simd-threaded.asyncify.wasm").is_file()


def test_a_site_is_replaced_by_a_site_and_nothing_else_is(write, tmp_path, site):
    write(site)
    (site / "mine.html").write_text("mine")
    with pytest.raises(BadInput, match=r"holds mine\.html, which Multibox did not write"):
        write(site)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("mine")
    with pytest.raises(BadInput, match="is not empty, and holds no site of Multibox"):
        write(tmp_path / "other")


def test_nothing_is_left_of_a_site_that_could_not_be_written(write, tmp_path, monkeypatch):
    def stop(content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multibox.export.web.service_worker", stop)
    with pytest.raises(RunFailed, match="cannot be written: No space left"):
        write(tmp_path / "site")
    assert list(tmp_path.iterdir()) == []
