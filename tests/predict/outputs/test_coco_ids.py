"""Ids of images and classes in COCO results: never the same twice, and those of the data that they are judged on."""

import json
import logging

import cv2
import pytest
from pycocotools.coco import COCO

from colored import paint
from multibox.data.record import Record, make_objects
from multibox.data.store_writer import write_store
from multibox.errors import BadInput
from multibox.predict.outputs.coco_ids import own_ids
from multibox.predict.outputs.names import Stems
from multibox.predict.outputs.saving import open_outputs, save_predictions
from multibox.predict.predict import predict
from multibox.predict.sources import Source, find_sources
from videos import write_video

CLASSES = ("red", "green", "blue")


@pytest.fixture
def shown(tmp_path):
    """Writes an image with a red box under each name."""

    def write(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), paint((128, 192), {"red": (20, 20, 100, 90)})[..., ::-1])
        return [tmp_path / name for name in names]

    return write


@pytest.fixture
def ids(detector, tmp_path):
    """Detects, and gives the id of each image that the results and the list of images agree on."""

    def run(paths, ids_from=None):
        sources, out = find_sources(paths), tmp_path / "out"
        outputs = open_outputs(["coco"], out, detector.classes, sources, ids_from=ids_from, replace=True)
        save_predictions(predict(detector, sources, score=0.5, keep=False), outputs)
        listed = COCO(str(out / "image_info_coco.json"))
        if rows := json.loads((out / "coco.json").read_text()):
            assert len(listed.loadRes(str(out / "coco.json")).anns) == len(rows)
        assert {row["image_id"] for row in rows} <= set(listed.imgs)
        images = listed.dataset["images"]
        assert len({image["id"] for image in images}) == len(images)
        return {image["file_name"].removeprefix(f"{tmp_path}/"): image["id"] for image in images}

    return run


def test_names_that_are_one_number_get_several_ids(shown, ids, caplog):
    caplog.set_level(logging.INFO, "multibox")
    assert ids(shown("001.jpg", "01.jpg", "1.jpg", "7.jpg", "x.jpg")) == {
        "001.jpg": 8,
        "01.jpg": 9,
        "1.jpg": 1,
        "7.jpg": 7,
        "x.jpg": "x",
    }
    (message,) = caplog.messages
    assert "001.jpg" in message
    assert "01.jpg: another image has the same number in its name" in message


def test_unique_numbers_are_kept_without_a_word(shown, ids, caplog):
    caplog.set_level(logging.INFO, "multibox")
    assert ids(shown("000000000139.jpg", "2.png")) == {"000000000139.jpg": 139, "2.png": 2}
    assert caplog.messages == []


def test_images_of_one_name_in_two_folders(shown, ids, caplog):
    caplog.set_level(logging.INFO, "multibox")
    assert ids(shown("a/1.jpg", "b/1.jpg")) == {"a/1.jpg": 1, "b/1.jpg": "1-2"}
    assert "b/1.jpg is called 1-2" in caplog.text


def test_a_frame_and_an_image_that_is_called_like_it(shown, ids, tmp_path):
    film = write_video(tmp_path / "film.avi", frames=2)
    listed = ids([film, *shown("film-000001.jpg")])
    assert listed["film-000001.jpg"] == "film-000001"


def test_names_that_are_one_word_in_voc_results(shown, detector, tmp_path, caplog):
    caplog.set_level(logging.INFO, "multibox")
    sources = find_sources(shown("a b.jpg", "a_b.jpg"))
    outputs = open_outputs(["voc"], tmp_path / "out", detector.classes, sources)
    save_predictions(predict(detector, sources, score=0.5, keep=False), outputs)
    lines = (tmp_path / "out/voc/comp4_det_test_red.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["a_b", "a_b-2"]
    assert "a_b.jpg is called a_b-2" in caplog.text


def test_classes_of_coco_have_the_ids_of_coco():
    assert own_ids([], Stems([]), ("person", "toothbrush", "stop sign")).categories == (1, 90, 13)
    assert own_ids([], Stems([]), ("stop sign", "rocket")).categories == (1, 2)


def test_images_without_detections_are_listed(shown, ids, tmp_path):
    cv2.imwrite(str(tmp_path / "5.png"), paint((128, 192), {}))
    (tmp_path / "6.png").write_bytes(b"broken")
    assert ids([tmp_path / "5.png", tmp_path / "6.png", *shown("8.png")]) == {"5.png": 5, "8.png": 8}
    content = json.loads((tmp_path / "out/image_info_coco.json").read_text())
    assert content["images"][0] == {"id": 5, "file_name": str(tmp_path / "5.png"), "width": 192, "height": 128}
    assert content["categories"] == [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]


@pytest.fixture
def annotations(tmp_path):
    """Writes a COCO file of images that are numbered from 40, whose classes are in another order."""

    def write(*names, **size):
        images = [{"id": number, "file_name": name} | size for number, name in enumerate(names, start=40)]
        classes = [{"id": 9, "name": "blue"}, {"id": 4, "name": "red"}, {"id": 2, "name": "rocket"}]
        path = tmp_path / "gt.json"
        path.write_text(json.dumps({"images": images, "annotations": [], "categories": classes}))
        return str(path)

    return write


def test_the_ids_of_a_coco_file(shown, ids, annotations, tmp_path, caplog):
    caplog.set_level(logging.INFO, "multibox")
    files = shown("b.jpg", "val/1.jpg", "01.jpg")
    data = annotations("01.jpg", "val/1.jpg", "b.jpg", "c.jpg")
    assert ids(files, data) == {"b.jpg": 42, "val/1.jpg": 41, "01.jpg": 40}
    rows = json.loads((tmp_path / "out/coco.json").read_text())
    assert {row["category_id"] for row in rows} == {4}
    content = json.loads((tmp_path / "out/image_info_coco.json").read_text())
    assert content["categories"] == [{"id": 4, "name": "red"}, {"id": 9, "name": "blue"}]
    assert caplog.messages == [
        f"ids are taken from {data}; 1 of its 4 images are not in this run, so an evaluation counts them as "
        "images without detections; it lacks the detector's classes green, whose detections are left out of coco.json"
    ]


def test_detections_of_classes_that_the_data_lack_are_left_out(ids, annotations, tmp_path):
    cv2.imwrite(str(tmp_path / "1.jpg"), paint((128, 192), {"green": (20, 20, 100, 90)})[..., ::-1])
    assert ids([tmp_path / "1.jpg"], annotations("1.jpg")) == {"1.jpg": 40}
    assert json.loads((tmp_path / "out/coco.json").read_text()) == []


def test_images_of_one_name_are_told_apart_by_their_folders(shown, ids, annotations):
    files = shown("in/day/1.jpg", "in/night/1.jpg")
    assert ids(files, annotations("night/1.jpg", "day/1.jpg", "1.png")) == {"in/day/1.jpg": 41, "in/night/1.jpg": 40}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"), "has no image named .*2.jpg, .*3.jpg, .*4.jpg and 1 "),
        (("a/1.jpg", "b/1.jpg"), r"a/1.jpg, .*b/1.jpg match the same image of .*gt.json; leave out all but one"),
        (("1.png",), "no image named .*1.png; leave those images out of the run"),
        (
            ("x/7.jpg",),
            r"x/7.jpg matches several images of .*gt.json: p/7.jpg, q/7.jpg; give its path with its folders",
        ),
    ],
)
def test_images_that_are_not_one_of_the_data_are_refused(shown, ids, annotations, tmp_path, names, message):
    data = annotations("1.jpg", "p/7.jpg", "q/7.jpg")
    with pytest.raises(BadInput, match=message) as refused:
        ids(shown(*names), data)
    assert refused.value.field == "ids_from"
    assert not (tmp_path / "out").exists()


def test_what_is_no_image_file_has_no_id_in_data(annotations, tmp_path):
    for source in (Source("film.avi", "video"), Source("camera:0", "live"), Source("-", encoded=b"")):
        with pytest.raises(BadInput, match=r"is not an image file, so it has no id in .*gt.json"):
            open_outputs(["coco"], tmp_path / "out", CLASSES, [source], ids_from=annotations("1.jpg"))


@pytest.mark.parametrize(
    "content",
    [
        *("[]", "{", "{}", '{"images": [{}], "categories": []}', '{"images": 3}', "[" * 100_000),
        '{"images": [{"file_name": "a.jpg", "id": [1]}], "categories": []}',
        '{"images": [], "categories": [{"name": "red", "id": {}}]}',
    ],
)
def test_what_is_no_coco_file(tmp_path, content):
    (tmp_path / "gt.json").write_text(content)
    with pytest.raises(BadInput, match="is not a COCO annotation file"):
        open_outputs(["coco"], tmp_path / "out", CLASSES, [], ids_from=str(tmp_path / "gt.json"))


def test_ids_need_data_with_the_classes_and_a_format_that_has_ids(annotations, tmp_path):
    with pytest.raises(
        BadInput, match=r"gt.json has none of the detector's classes; its classes are blue, red, rocket"
    ):
        open_outputs(["coco"], tmp_path, ("cat",), [], ids_from=annotations("1.jpg"))
    with pytest.raises(BadInput, match=r"ids_from: no.json cannot be read: No such file"):
        open_outputs(["coco"], tmp_path, ("cat",), [], ids_from="no.json")
    with pytest.raises(BadInput, match="ids_from: applies to COCO results only"):
        open_outputs(["json"], tmp_path, CLASSES, [], ids_from=annotations("1.jpg"))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Writes a store with the given ids, sources and file names of its records. All have the same image."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "data"))

    def write(*records, encoded=None):
        encoded = encoded or cv2.imencode(".png", paint((128, 192), {}))[1].tobytes()
        objects = make_objects([(20, 20, 100, 90)], [0])
        made = [
            Record(
                name,
                encoded,
                192,
                128,
                objects,
                source,
                file if isinstance(file, dict) else {"file_name": file} if file else {},
            )
            for name, source, file in records
        ]
        write_store("toys", "val", made, ("red", "blue"))

    return write


def test_the_ids_of_a_dataset(shown, ids, store):
    store(("000002", "/there/JPEGImages/000002.jpg", ""), ("17", r"C:\there\x.jpg", "val/x.jpg"), ("z", "", ""))
    listed = ids(shown("000002.jpg", "x.jpg", "z.jpg"), "toys/val")
    assert listed == {"000002.jpg": "000002", "x.jpg": 17, "z.jpg": "z"}
    assert ids(shown("z.jpg"), "toys") == {"z.jpg": "z"}


def test_an_id_of_a_dataset_is_no_name_where_the_names_are_known(shown, ids, store):
    store(("1", "/there/x.jpg", "x.jpg"))
    with pytest.raises(BadInput, match=r"toys/val has no image named .*1.jpg"):
        ids(shown("1.jpg"), "toys/val")


def test_an_image_of_one_name_in_another_folder_is_warned_of(shown, ids, store, caplog):
    store(("1", "photos/train/0001.jpg", "0001.jpg"), ("2", "photos/train/0002.jpg", ""), ("3", "a/0003.jpg", ""))
    files = shown("photos/test/0001.jpg", "photos/train/0002.jpg", "photos/test/0003.jpg")
    assert list(ids(files, "toys/val").values()) == [1, 2, 3]
    (warning,) = caplog.messages
    assert warning == (
        "2 images of the run are in another folder than the image of the same name in toys/val "
        f"({files[0]} got the id of photos/train/0001.jpg); if the images are not the same, name the dataset that "
        "they belong to"
    )


def test_a_path_from_the_working_folder_is_looked_at_with_its_folders(shown, ids, annotations, monkeypatch, caplog):
    (file,) = shown("test/0001.jpg")
    monkeypatch.chdir(file.parent)
    ids(["0001.jpg"], annotations("train/0001.jpg"))
    assert "(0001.jpg got the id of train/0001.jpg)" in caplog.messages[0]
    caplog.clear()
    ids(["0001.jpg"], annotations("test/0001.jpg"))
    assert caplog.messages == []


def test_an_image_that_was_moved_is_known_by_its_bytes(shown, ids, store, caplog):
    (file,) = shown("here/0001.jpg")
    store(("1", "/there/0001.jpg", ""), encoded=file.read_bytes())
    assert ids([file], "toys/val") == {"here/0001.jpg": 1}
    assert caplog.messages == []


def test_an_image_in_another_folder_and_of_another_size_is_refused(shown, ids, annotations, caplog):
    files = shown("test/0001.jpg")
    with pytest.raises(BadInput, match=r"0001.jpg has 192 x 128 pixels, and train/0001.jpg of .* has 640 x 480, so"):
        ids(files, annotations("train/0001.jpg", width=640, height=480))
    assert ids(files, annotations("train/0001.jpg", width=128, height=192)) == {"test/0001.jpg": 40}  # turned by EXIF
    assert "1 image of the run is in another folder" in caplog.text


def test_the_name_in_a_tfrecord_finds_its_image(shown, ids, store):
    """TFRecord calls it ``filename``, and the source is the file of all images."""
    store(("7", "/data/shard-0.tfrecord:3", {"filename": "x.jpg"}))
    assert ids(shown("x.jpg"), "toys/val") == {"x.jpg": 7}
