"""Detecting on a cluster, without one: which pictures, which parts, what is in them, how many detectors fit."""

import os
from pathlib import Path

import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.errors import BadInput
from multibox.predict.on_ray.model_file import digest, pack, unpack
from multibox.predict.on_ray.parts import Manifest, open_run, part_path
from multibox.predict.on_ray.ray_cluster import Share
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source

FILES = tuple(f"/pictures/{n}.jpg" for n in range(7))
CLASSES = ("red", "green")


def manifest(**changes) -> Manifest:
    return Manifest(
        **{"model": "abc", "classes": CLASSES, "settings": {"score": 0.5}, "files": FILES, "part": 3} | changes
    )


@pytest.fixture
def pictures(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "pictures"
    for name in ("b 1.jpg", "a%.PNG", "notes.txt", "deep/er/c.jpg", "deep/d.jpg"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a%.PNG", "b 1.jpg"]),
        ("/b%201.jpg", ["b 1.jpg"]),
        ("/*.jpg", ["b 1.jpg"]),
        ("/*/*.jpg", ["deep/d.jpg"]),
        ("/**/*.jpg", ["b 1.jpg", "deep/d.jpg", "deep/er/c.jpg"]),
    ],
)
def test_files_of_a_uri(pictures, pattern, names):
    pytest.importorskip("pyarrow")
    from multibox.predict.on_ray.files import find_files, read_file

    found = find_files([f"file://{pictures}{pattern}"])
    assert [read_file(uri).decode() for uri in found] == names


def test_local_files_are_sorted_and_absolute(pictures):
    from multibox.predict.on_ray.files import find_files

    found = find_files(["pictures/b 1.jpg", "pictures"])
    assert found == [str(pictures / "a%.PNG"), str(pictures / "b 1.jpg")]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("file:///no/such/folder", "no such file or folder"),
        ("file:///etc/*.jpg", "holds no images"),
        ("nonsense://bucket/x", "cannot be opened"),
        ("s3://me:secret@bucket/x", "the password in the URI would be written into every row"),
        ("camera:0", "on a cluster only images are supported"),
        ("film.mp4", "on a cluster only images are supported"),
        ("https://host/bus.jpg", "is a web address"),
    ],
)
def test_what_is_not_a_picture(pictures, path, message):
    pytest.importorskip("pyarrow")
    from multibox.predict.on_ray.files import find_files

    Path("film.mp4").touch()
    with pytest.raises(BadInput, match=message) as error:
        find_files([path])
    assert "secret" not in str(error.value)


def test_a_file_that_is_gone_says_so(pictures):
    pytest.importorskip("pyarrow")
    from multibox.predict.on_ray.files import read_file

    for name in (f"{pictures}/gone.jpg", f"file://{pictures}/gone.jpg"):
        with pytest.raises(BadInput, match=r"gone.jpg: cannot be read: .*No such file"):
            read_file(name)


def test_parts():
    assert [list(manifest().positions(part)) for part in manifest().parts] == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(manifest(files=FILES[:6]).parts) == 2


def test_a_run_goes_on_with_its_own_parts(tmp_path):
    with open_run(tmp_path / "out", manifest()) as begun:
        assert begun.missing(tmp_path / "out") == [0, 1, 2]
    part_path(tmp_path / "out", 1).touch()
    with open_run(tmp_path / "out", manifest(part=512)) as resumed:
        assert resumed == begun
        assert resumed.missing(tmp_path / "out") == [0, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "other"}, "another model"),
        ({"settings": {"score": 0.5, "tta": True}}, "another tta"),
        ({"settings": {}}, "another score"),
        ({"files": FILES[:-1]}, r"/pictures/6.jpg was removed"),
        ({"files": FILES[1:]}, r"/pictures/0.jpg was removed"),
        ({"files": tuple(sorted((*FILES, "/pictures/35.jpg")))}, r"/pictures/35.jpg was added"),
        ({"files": (*FILES, "/pictures/9.jpg")}, r"/pictures/9.jpg was added"),
        ({"format": 2}, "another version"),
    ],
)
def test_a_run_of_something_else_is_refused(tmp_path, changes, message):
    with open_run(tmp_path, manifest()):
        pass
    with pytest.raises(BadInput, match=message), open_run(tmp_path, manifest(**changes)):
        pass


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(BadInput, match="holds files, but no run"), open_run(tmp_path, manifest()):
        pass


def test_two_at_one_run(tmp_path):
    with (
        open_run(tmp_path, manifest()),
        pytest.raises(BadInput, match="another process"),
        open_run(tmp_path, manifest()),
    ):
        pass


def prediction(n: int) -> Prediction:
    """Of picture 2 there is nothing but an error, in picture 3 nothing was found."""
    if n == 2:
        return Prediction(Source(FILES[n]), error="broken")
    count = 0 if n == 3 else n + 1
    boxes = np.arange(4 * count, dtype=np.float32).reshape(-1, 4)
    scores = np.linspace(0.9, 0.1, count, dtype=np.float32)
    return Prediction(Source(FILES[n]), Detections(boxes, scores, np.arange(count) % 2, CLASSES, (20, 10 + n)))


def test_rows_in_any_order_and_twice_become_parts_in_order(tmp_path):
    pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from multibox.predict.on_ray.parquet import SCHEMA, PartWriter, read_part, to_table

    writer = PartWriter(tmp_path, manifest())
    for positions in ([6, 3, 1], [1, 0], [5], [2, 0], [1]):
        assert not part_path(tmp_path, 1).exists()
        writer.add(to_table(positions, [prediction(n) for n in positions]))
    assert writer.missing == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-000000.parquet", "part-000002.parquet"]
    writer.add(to_table([4], [prediction(4)]))
    assert writer.missing == 0

    rows = parquet.read_table(tmp_path)
    assert rows.schema == SCHEMA
    assert rows["file"].to_pylist() == list(FILES)
    assert rows["error"].to_pylist() == [None, None, "broken", None, None, None, None]
    assert rows["names"].to_pylist()[1:4] == [["red", "green"], None, []]
    again = [row for part in manifest().parts for row in read_part(part_path(tmp_path, part), CLASSES)]
    assert [row.to_json() for row in again] == [prediction(n).to_json() for n in range(7)]


def test_a_part_that_is_whole_is_left_alone(tmp_path):
    pytest.importorskip("pyarrow")
    from multibox.predict.on_ray.parquet import PartWriter, to_table

    part_path(tmp_path, 0).write_text("whole")
    PartWriter(tmp_path, manifest()).add(to_table([0, 1, 2], [prediction(n) for n in range(3)]))
    assert part_path(tmp_path, 0).read_text() == "whole"


def test_a_model_travels_with_all_its_files(tmp_path):
    model = tmp_path / "a.savedmodel"
    (model / "variables").mkdir(parents=True)
    (model / "graph.pb").write_bytes(b"graph")
    (model / "variables" / "data").write_bytes(b"weights")
    packed = pack(model)
    unpack(packed, tmp_path / "there")
    assert (tmp_path / "there" / "a.savedmodel" / "variables" / "data").read_bytes() == b"weights"
    os.rename(model, tmp_path / "b.savedmodel")
    assert digest(pack(tmp_path / "b.savedmodel")) == digest(packed)
    (tmp_path / "b.savedmodel" / "variables" / "data").write_bytes(b"others")
    assert digest(pack(tmp_path / "b.savedmodel")) != digest(packed)
    (tmp_path / "c.xml").write_bytes(b"graph")
    (tmp_path / "c.bin").write_bytes(b"weights")
    assert set(pack(tmp_path / "c.xml")) == {"c.xml", "c.bin"}


def test_how_many_detectors_fit():
    nodes = [{"CPU": 1.0}, {"CPU": 4.0, "GPU": 1.0}, {"memory": 5.0}]
    assert Share.of(1, on_gpu=False).fitting(nodes) == 5
    assert Share.of(2, on_gpu=False).fitting(nodes) == 2
    assert Share.of(8, on_gpu=False).fitting(nodes) == 0
    assert Share.of(1, on_gpu=True).fitting(nodes) == 1


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "no.such.host.invalid:6379"])
def test_no_cluster_answers(monkeypatch, address):
    pytest.importorskip("ray")
    from multibox.predict.on_ray.ray_cluster import joined

    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(BadInput, match=f"RAY_ADDRESS={address}: no cluster answers"), joined():
        pass
