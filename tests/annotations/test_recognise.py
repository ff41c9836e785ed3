import json

import pytest

from multibox.annotations import files
from multibox.annotations.annotation import Options
from multibox.annotations.formats import createml, csv
from multibox.annotations.recognise import recognise
from multibox.errors import BadInput


def test_a_refusal_gives_the_reasons_of_the_formats_that_have_one(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    monkeypatch.setattr(createml, "why_not", lambda files: f"{files.images[0].name} is not in it", raising=False)
    monkeypatch.setattr(csv, "why_not", lambda files: "", raising=False)
    with pytest.raises(BadInput) as error:
        recognise(tmp_path)
    assert str(error.value) == f"{tmp_path}: no annotations found here among its files (1 image): a.jpg is not in it"
    with pytest.raises(BadInput, match=r"\(1 image\); formats that can be read: CSV$"):
        recognise(tmp_path, "csv")


@pytest.mark.parametrize("name", ["data.lmdb", ".boxes.json"])
def test_a_folder_whose_files_are_left_out_is_not_called_empty(tmp_path, name):
    with pytest.raises(BadInput, match="here, the folder is empty; formats"):
        recognise(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(BadInput, match="here, as its files are hidden, or a store or run of Multibox; formats"):
        recognise(tmp_path)


def test_files_that_are_too_large_to_be_kept_are_parsed_once_to_recognise_them(tmp_path, monkeypatch):
    for split in ("train", "val"):
        content = {"images": [{"id": 1, "file_name": f"{split} 1.jpg"}], "annotations": [], "categories": []}
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    parsed, loads = [], json.loads
    monkeypatch.setattr(files, "_KEPT", 10)
    monkeypatch.setattr(files.json, "loads", lambda text: parsed.append(text) or loads(text))
    (recognised,) = recognise(tmp_path)
    assert (recognised.format.NAME, [path.name for path in recognised.found]) == ("coco", ["train.json", "val.json"])
    assert len(parsed) == 2
    assert list(recognised.read(Options()).splits) == ["train", "val"]


def test_parsed_files_are_kept_up_to_a_size(tmp_path, monkeypatch):
    paths = [tmp_path / f"{name}.json" for name in "abc"]
    for path in paths:
        path.write_text('"four"')
    parsed, loads = [], json.loads
    monkeypatch.setattr(files, "_KEPT", 12)
    monkeypatch.setattr(files.json, "loads", lambda text: parsed.append(text) or loads(text))
    listed = files.Files(tmp_path)
    for path in (paths[0], paths[1], paths[0], paths[1], paths[2], paths[1], paths[2], paths[0], paths[2]):
        assert listed.json(path) == "four"
    assert len(parsed) == 4
