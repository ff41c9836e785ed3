"""What is said of annotations that cannot be read."""

import json

import pytest

from multibox.data.source import open_source
from multibox.errors import BadInput

BOX = "0.5 0.5 0.2 0.4"


def said(folder):
    """The message about a folder, without the folder's path."""
    with pytest.raises(BadInput) as error:
        open_source([folder])
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{folder}: ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ann.json", b'{"images": [],\n}', "ann.json: not JSON: line 2, column 1: "),
        ("ann.json", b'{"images": [', "ann.json: not JSON: line 1, column 13: expecting value"),
        ("ann.json", b'{"a": "wei\xdf"}', "ann.json: not JSON: the text is not UTF-8 (byte 10); save it as UTF-8"),
        ("ann.json", b"[" * 200_000, "ann.json: not JSON: it is nested too deeply"),
        ("ann.json", '{"images": [],}'.encode("utf-16"), "ann.json: not JSON: line 1, column 15: "),
        ("a.xml", b"<data><image", "a.xml: not readable as XML: "),
        ("a.txt", f"0 {BOX}\n".encode("utf-16"), "a.txt is UTF-16; save it as UTF-8"),
        ("data.zip", b"PK", "data.zip is an archive; unpack it and give the folder"),
        ("data.tar.gz", b"", "data.tar.gz is an archive; unpack it and give the folder"),
        ("data.7z", b"", "data.7z is an archive; unpack it and give the folder"),
        ("train.pkl", b"", "train.pkl is a pickle, which is not read because it could run code; write COCO"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, name, content, message):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "README.md").write_text("Boxes of cells.")
    (tmp_path / name).write_bytes(content)
    assert said(tmp_path).startswith(message)


def test_an_archive_as_a_single_file(tmp_path):
    (tmp_path / "data.zip").touch()
    assert said(tmp_path / "data.zip") == "data.zip is an archive; unpack it and give the folder"


KNOWN_JSON = {
    "Labelbox's export": ("x.ndjson", {"data_row": {}, "projects": {}}),
    "Amazon SageMaker's manifest": ("x.manifest", {"source-ref": "s3://b/a.jpg", "job": {"annotations": []}}),
    "Vertex AI's JSONL": ("x.jsonl", {"imageGcsUri": "gs://b/a.jpg", "boundingBoxAnnotations": []}),
    "Azure ML's JSONL": ("x.jsonl", {"image_url": "u", "image_details": {}, "label": []}),
    "Hugging Face's metadata": ("metadata.jsonl", {"file_name": "a.jpg", "objects": {"bbox": [], "category": []}}),
    "CrowdHuman's list": ("x.odgt", {"ID": "a", "gtboxes": []}),
    "Supervisely's JSON": ("a.jpg.json", {"description": "", "tags": [], "size": {}, "objects": []}),
    "Cityscapes' polygons": ("a_polygons.json", {"imgHeight": 4, "imgWidth": 5, "objects": []}),
    "Scale's tasks": ("x.json", [{"task_id": "1", "params": {}, "response": {}}]),
    "BDD100K's JSON": ("x.json", [{"name": "a.jpg", "attributes": {}, "timestamp": 1, "labels": []}]),
    "the list of MMDetection 2": ("x.json", [{"filename": "a.jpg", "ann": {"bboxes": []}}]),
    "the list of MMDetection 3": ("x.json", {"metainfo": {}, "data_list": []}),
}


@pytest.mark.parametrize("name", KNOWN_JSON)
def test_json_of_known_formats_is_named(tmp_path, name):
    file, content = KNOWN_JSON[name]
    (tmp_path / "a.jpg").touch()
    (tmp_path / file).write_text(json.dumps(content) + "\n")
    assert said(tmp_path) == f"{file} is {name}, which is not read; convert it to COCO"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DOTA's text", "imagesource:GoogleEarth\ngsd:0.1\n5.0 2.0 9.0 2.0 9.0 3.0 5.0 3.0 large-vehicle 0\n"),
        ("VisDrone's text", "5,249,85,105,1,4,0,0\n"),
        ("MOT's tracks", "1,1,316,20,116,91,1,1,1\n1,2,34,93,122,101,1,1,0.5\n"),
        ("MOT's tracks", "1,1,316.5,20,116,91,0.9,-1,-1,-1\n"),
        ("WIDER FACE's list", "0--Parade/a.jpg\n1\n316 20 116 91 0 0 0 0 0 0 \n"),
    ],
)
def test_text_of_known_formats_is_named(tmp_path, name, text):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.txt").write_text(text)
    assert said(tmp_path) == f"a.txt looks like {name}, which is not read; convert it to COCO"


@pytest.mark.parametrize("text", ["", "a.jpg\nb.jpg\n", "1,2,3\n", "a.jpg\n12\n"])
def test_text_of_no_known_format(tmp_path, text):
    (tmp_path / "b.jpg").touch()
    (tmp_path / "a.txt").write_text(text)
    assert said(tmp_path).startswith("no annotations found")
