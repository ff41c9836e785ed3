"""Round trips: what a format holds comes back from a build; what it does not hold is said."""

import dataclasses
import json
import shlex

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from multibox.cli import main
from multibox.cli.data_make import build_command
from multibox.data.build import build
from multibox.data.export import export_dataset
from multibox.data.file_names import safe_stems
from multibox.data.merge import merge_datasets
from multibox.data.open import find_record, open_stores
from multibox.data.record import Record, make_objects
from multibox.data.rewrite import write_splits
from multibox.data.store_writer import StoreWriter
from multibox.errors import BadInput

FORMATS = ("voc", "coco", "yolo", "csv")
CLASSES = ("zebra", "ant", "nothing")


def image(seed, suffix=".jpg"):
    return cv2.imencode(suffix, np.random.default_rng(seed).integers(0, 255, (40, 60, 3)).astype(np.uint8))[1].tobytes()


def record(record_id, boxes, labels, suffix=".jpg", **columns):
    return Record(record_id, image(len(boxes), suffix), 60, 40, make_objects(boxes, labels, **columns))


PLAIN = {
    "train": [
        record("a", [[1, 2, 30, 20], [0, 0, 60, 40]], [1, 0]),
        record("b.c", [], [], ".png"),
        record("c", [[58, 37, 60, 40]], [1]),
    ],
    "val": [record("d", [[5, 6, 7, 8]], [0], ".webp")],
}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    return tmp_path


def known(stores):
    """What is in some stores, by split and id, with the classes' names."""
    return {
        (store.meta.split, record.id): (
            record.image,
            [store.meta.classes[label] for label in record.objects.labels],
            np.round(record.objects.boxes.astype(float), 3).tolist(),
            record.objects.difficult.tolist(),
            record.objects.crowd.tolist(),
            record.objects.truncated.tolist(),
            record.objects.occluded.tolist(),
            np.round(record.objects.area.astype(float), 2).tolist(),
        )
        for store in stores
        for record in store
    }


def round_trip(root, kind, stores):
    """Export, run the command that the export names, and open what it built."""
    report = export_dataset(stores, kind, root / kind)
    words = shlex.split(build_command(report))
    words[words.index("NAME")] = f"again-{kind}"
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, result.output
    assert "left out: 0" in result.output
    return report, open_stores(f"again-{kind}")


@pytest.mark.parametrize("kind", FORMATS)
def test_what_every_format_holds_comes_back(root, kind):
    stores = write_splits("plain", PLAIN, CLASSES, source="a test")
    report, again = round_trip(root, kind, stores)
    assert (report.images, report.objects) == (4, 4)
    numbers = {"a": "1", "b.c": "2", "c": "3", "d": "4"}
    expected = {(split, numbers[i] if kind == "coco" else i): value for (split, i), value in known(stores).items()}
    assert known(again) == expected
    assert again[0].meta.classes == CLASSES
    assert list(report.lost) == (["images that get another id: 4"] if kind == "coco" else [])
    assert "--classes" not in build_command(report)


def named(*files):
    """Stores as a build makes them of COCO: ids are numbers, and each image has the name of its file."""
    found = [
        dataclasses.replace(record(str(number), [[1, 1, 9, 9]], [0]), extra={"file_name": name}, source=f"/x/{name}")
        for number, name in enumerate(files, start=16)
    ]
    return write_splits("named", {"train": found}, ("ant",), source="a test")


@pytest.mark.parametrize(
    ("kind", "pattern"), [("voc", "JPEGImages/*"), ("coco", "images/*/*"), ("yolo", "images/*/*"), ("csv", "images/*")]
)
def test_images_of_coco_keep_the_names_of_their_files(root, kind, pattern):
    report = export_dataset(named("BloodImage_00016.jpg", "sub/BloodImage_00017.jpg"), kind, root / kind)
    found = sorted(path.name for path in (root / kind).glob(pattern))
    assert found == ["BloodImage_00016.jpg", "BloodImage_00017.jpg"]
    assert ("images that get another id: 2" in report.lost) == (kind != "coco")


def test_numbers_of_coco_come_back_with_the_names_of_files(root):
    _, again = round_trip(root, "coco", named("BloodImage_00016.jpg", "BloodImage_00017.jpg"))
    assert again[0].ids == ("16", "17")
    assert [record.extra["file_name"] for record in again[0]] == ["BloodImage_00016.jpg", "BloodImage_00017.jpg"]


def test_files_of_one_name_are_named_by_their_ids(root):
    stores = named("a/0001.jpg", "b/0001.JPG", "b/0002.jpg", "c/17.jpg", "c/x.jpg")
    export_dataset(stores, "coco", root / "coco")
    content = json.loads((root / "coco/annotations/instances_train.json").read_text())
    assert [(image["id"], image["file_name"]) for image in content["images"]] == [
        (16, "16.jpg"),
        (17, "17.jpg"),
        (18, "0002.jpg"),
        (19, "17-2.jpg"),
        (20, "x.jpg"),
    ]


@pytest.mark.parametrize("name", ["BloodImage_00017", "BloodImage_00017.jpg", "17"])
def test_a_record_is_found_by_the_name_of_its_file(name):
    assert find_record(named("BloodImage_00016.jpg", "BloodImage_00017.jpg"), name)[1].id == "17"


def test_an_id_goes_before_the_name_of_a_file():
    assert find_record(named("17.jpg", "16.jpg"), "17")[1].id == "17"


def test_a_name_of_several_files_is_not_guessed():
    with pytest.raises(BadInput, match="x: several files of named/train have this name; give one of their ids: 16, 17"):
        find_record(named("a/x.jpg", "b/x.jpg"), "x")


def test_a_coco_file_has_what_tools_expect(root):
    export_dataset(write_splits("plain", PLAIN, CLASSES, source="a test"), "coco", root / "out")
    content = json.loads((root / "out/annotations/instances_val.json").read_text())
    assert list(content) == ["info", "licenses", "images", "annotations", "categories"]
    assert content["images"] == [{"id": 4, "file_name": "d.webp", "width": 60, "height": 40}]
    (only,) = content["annotations"]
    assert only == {
        "id": 4,
        "image_id": 4,
        "category_id": 1,
        "bbox": [5, 6, 2, 2],
        "segmentation": [],
        "area": 4,
        "iscrowd": 0,
    }
    assert [category["name"] for category in content["categories"]] == list(CLASSES)
    assert (root / "out/images/val/d.webp").is_file()


def test_a_voc_folder_lists_its_classes(root):
    export_dataset(write_splits("plain", PLAIN, CLASSES, source="a test"), "voc", root / "out")
    lines = (root / "out/labelmap.txt").read_text("utf-8").splitlines()
    assert lines == ["# label:color_rgb:parts:actions", "zebra:::", "ant:::", "nothing:::"]


@pytest.mark.parametrize("name", ["a:b", "#a", "a\u2028b"])
def test_a_class_that_the_list_of_voc_cannot_hold(root, name):
    stores = write_splits("odd", PLAIN, ("zebra", name, "nothing"), source="a test")
    report, again = round_trip(root, "voc", stores)
    assert (
        "labelmap.txt, which cannot list a class whose name has a colon, a line break or a '#' in front" in report.lost
    )
    assert not (root / "voc/labelmap.txt").exists()
    assert again[0].meta.classes == ("zebra", name, "nothing")  # by --classes in the command


def test_a_yolo_folder_names_splits_and_classes(root):
    splits = {"train": PLAIN["train"], "night": PLAIN["val"]}
    export_dataset(write_splits("plain", splits, CLASSES, source="a test"), "yolo", root / "out")
    assert yaml.safe_load((root / "out/data.yaml").read_text("utf-8")) == {
        "train": "images/train",
        "val": None,
        "night": "images/night",
        "nc": 3,
        "names": {0: "zebra", 1: "ant", 2: "nothing"},
    }
    assert (root / "out/classes.txt").read_text("utf-8") == "zebra\nant\nnothing\n"


def test_small_numbers_have_no_exponent(root):
    """Datumaro takes a file with one for no labels at all."""
    wide = cv2.imencode(".jpg", np.zeros((10, 20_000, 3), np.uint8))[1].tobytes()
    objects = make_objects([[0.25, 0, 0.5, 10]], [0])
    stores = write_splits("wide", {"train": [Record("a", wide, 20_000, 10, objects)]}, ("ant",), source="a test")
    _, again = round_trip(root, "yolo", stores)
    assert (root / "yolo/labels/train/a.txt").read_text() == "0 0.00001875 0.5 0.0000125 1.0\n"
    assert again[0][0].objects.boxes.tolist() == [[0.25, 0, 0.5, 10]]


@pytest.mark.parametrize("split", ["names", "path", "images"])
def test_a_split_that_is_a_word_of_yolo(root, split):
    stores = write_splits("odd", {split: PLAIN["val"]}, CLASSES, source="a test")
    with pytest.raises(
        BadInput, match=f"split '{split}': has a meaning of its own in YOLO's data.yaml; rename the split"
    ):
        export_dataset(stores, "yolo", root / "out")
    assert not (root / "out").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_the_order_of_the_classes_comes_back(root, kind):
    """Whatever the names are: not in the order of the alphabet, without an object, with commas, not ASCII."""
    classes = ("zebra", "Ölfaß, rot", "background", "雪", "yes", "1")
    stores = write_splits("odd", PLAIN, classes, source="a test")
    report = export_dataset(stores, kind, root / kind)
    assert not [sentence for sentence in report.lost if "class" in sentence]
    build([root / kind], "again")
    (train, val) = open_stores("again")
    assert train.meta.classes == val.meta.classes == classes
    assert [[train.meta.classes[label] for label in record.objects.labels] for record in train] == [
        ["Ölfaß, rot", "zebra"],
        [],
        ["Ölfaß, rot"],
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_spaces_around_a_name_are_said_to_be_lost(root, kind):
    stores = write_splits("odd", {"train": PLAIN["val"]}, (" ant",), source="a test")
    report, again = round_trip(root, kind, stores)
    is_lost = "spaces around the names of classes: ' ant'" in report.lost
    assert is_lost == (kind != "coco")
    assert again[0].meta.classes == (("ant",) if is_lost else (" ant",))


RICH = {
    "train": [
        record("7", [[1.25, 2, 30, 20], [3, 3, 50, 30]], [0, 1], difficult=[1, 0], truncated=[1, 1], ids=["70", "71"]),
        record("8", [[10, 10, 40, 35], [2, 2, 9, 9]], [0, 1], crowd=[1, 0], occluded=[0, 1], area=[99, 49], ids="12"),
    ]
}
LOST = {
    "voc": {
        "crowds left out, as they would become ordinary objects: 1",
        "boxes moved to whole pixels: 1",
        "objects that lose their id: 3",
    },
    "coco": {
        "objects no longer marked difficult: 1",
        "objects no longer marked truncated: 2",
        "objects no longer marked occluded: 1",
    },
    "yolo": {
        "crowds left out, as they would become ordinary objects: 1",
        "objects no longer marked difficult: 1",
        "objects no longer marked truncated: 2",
        "objects no longer marked occluded: 1",
        "objects that lose their id: 3",
    },
}
LOST["csv"] = LOST["yolo"]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_a_format_cannot_hold_is_said_and_the_rest_comes_back(root, kind):
    stores = write_splits("rich", RICH, ("ant", "zebra"), source="a test", category_ids=(4, 9))
    report, again = round_trip(root, kind, stores)
    assert set(report.lost) == LOST[kind]
    (_, names, boxes, difficult, crowd, truncated, occluded, areas) = known(again)["train", "8"]
    if kind == "coco":
        assert again[0].meta.category_ids == (4, 9)
        assert (crowd, areas) == ([True, False], [99, 49])
        assert again[0][0].objects.ids == ("70", "71")
    else:
        assert (names, boxes, crowd) == (["zebra"], [[2, 2, 9, 9]], [False])
    if kind == "voc":
        assert occluded == [True]
        (_, _, moved, difficult, _, truncated, _, _) = known(again)["train", "7"]
        assert (moved[0], difficult, truncated) == ([1, 2, 30, 20], [True, False], [True, True])
    else:
        assert known(again)["train", "7"][2] == [[1.25, 2, 30, 20], [3, 3, 50, 30]]


def test_coco_numbers_that_say_another_order_of_the_classes(root):
    stores = write_splits("rich", RICH, ("zebra", "ant"), source="a test", category_ids=(9, 4))
    _, again = round_trip(root, "coco", stores)
    assert again[0].meta.classes == ("zebra", "ant")


@pytest.mark.parametrize("kind", FORMATS)
def test_classes_with_commas(root, kind):
    stores = write_splits("commas", PLAIN, ("hat, red", "hat", "nothing"), source="a test")
    _, again = round_trip(root, kind, stores)
    names = known(again)["train", "1" if kind == "coco" else "a"][1]
    assert names == ["hat", "hat, red"]


def test_ids_of_objects_that_tools_take_for_none(root):
    """pycocotools counts a match with object 0 as no match."""
    stores = write_splits("one", {"train": [record("a", [[0, 0, 9, 9]] * 2, [0, 0])]}, ("ant",), source="a test")
    export_dataset(stores, "coco", root / "coco")
    written = json.loads((root / "coco/annotations/instances_train.json").read_text())
    assert [annotation["id"] for annotation in written["annotations"]] == [1, 2]


def test_tools_read_the_coco_file(root):
    from pycocotools.coco import COCO

    stores = write_splits("rich", RICH, ("ant", "zebra"), source="a test")
    export_dataset(stores, "coco", root / "coco")
    coco = COCO(str(root / "coco/annotations/instances_train.json"))
    assert coco.getAnnIds(imgIds=[8], iscrowd=True) == [1]
    assert coco.loadAnns([70])[0]["bbox"] == [1.25, 2, 28.75, 18]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_box_less_than_a_pixel_stays_a_box(root, kind):
    boxes = [[10.2, 10.2, 10.4, 10.4], [59.5, 39.5, 60, 40], [0, 0, 0.3, 40]]
    stores = write_splits("thin", {"train": [record("a", boxes, [0, 0, 0])]}, ("ant",), source="a test")
    _, again = round_trip(root, kind, stores)
    found = again[0][0].objects.boxes
    expected = boxes if kind != "voc" else [[10, 10, 12, 12], [58, 38, 60, 40], [0, 0, 2, 40]]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("kind", FORMATS)
def test_ids_that_clash_or_are_no_file_names(root, kind):
    ids = {"train": ["x/1", "x_1", "ü 2"], "val": ["x/1"]}
    splits = {
        split: [record(record_id, [[1, 1, 9, 9]] * (1 + n), [0] * (1 + n)) for n, record_id in enumerate(names)]
        for split, names in ids.items()
    }
    stores = write_splits("odd", splits, ("ant",), source="a test")
    report, again = round_trip(root, kind, stores)
    assert "images that get another id: 4" in report.lost
    assert {store.meta.split: len(store) for store in again} == {"train": 3, "val": 1}
    assert sorted(len(record.objects) for record in again[0]) == [1, 2, 3]


def test_many_clashing_and_long_names_of_files():
    stems = safe_stems(["\u4e00\u4e01"] * 30_000 + ["x" * 300, "x" * 301])
    assert stems[:3] == ["__", "__-2", "__-3"]
    assert len(set(stems)) == 30_002
    assert max(map(len, stems)) <= 202


def test_names_of_files():
    assert safe_stems(["x/1", "x_1", "X_1", "..", "", "ok-2.a"]) == ["x_1", "x_1-2", "X_1-3", "_", "_-2", "ok-2.a"]
    assert safe_stems(["a", "a-2", "a"]) == ["a", "a-2", "a-3"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("names", "lost"),
    [
        (("trainval", "night"), {}),
        (("train", "val", "dev", "hold_out"), {}),
        (("night",), {"coco": "night"}),
        (("dev",), dict.fromkeys(("voc", "coco", "csv"), "dev")),
        (("all", "rest"), dict.fromkeys(FORMATS, "all")),
    ],
)
def test_splits_of_other_names(root, kind, names, lost):
    """Each comes back, or is said not to: some names mean another split, or all images."""
    splits = {name: [record(name, [[1, 1, 9, 9]], [0])] for name in names}
    report = export_dataset(write_splits("odd", splits, CLASSES, source="a test"), kind, root / kind)
    told = [sentence for sentence in report.lost if sentence.startswith("splits")]
    assert told == ([f"splits whose name is not kept: {lost[kind]}"] if kind in lost else [])
    build([root / kind], "again")
    assert set(names) - {store.meta.split for store in open_stores("again")} == (
        {lost[kind]} if kind in lost else set()
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_a_first_class_that_tools_mean_for_pixels_without_an_object(root, kind):
    stores = write_splits("odd", PLAIN, ("background", "ant", "zebra"), source="a test")
    report, again = round_trip(root, kind, stores)
    assert ("--classes background,ant,zebra" in build_command(report)) == (kind in ("voc", "csv"))
    assert again[0].meta.classes == ("background", "ant", "zebra")


@pytest.mark.parametrize("kind", FORMATS)
def test_splits_named_after_another(root, kind):
    """No picture is lost or sought in vain; in VOC a list like this is one of a class, which is said."""
    stores = write_splits("odd", {"train": PLAIN["train"], "night_train": PLAIN["val"]}, CLASSES, source="a test")
    report = export_dataset(stores, kind, root / kind)
    assert "splits whose name is not kept: night_train" in report.lost
    if kind in ("coco", "csv"):
        build([root / kind], "again", classes=CLASSES)
        assert [len(store) for store in open_stores("again")] == [4]


@pytest.mark.parametrize("kind", FORMATS)
def test_the_name_of_a_split_leads_nowhere_else(root, kind):
    (root / "stores/evil").mkdir(parents=True)
    path = root / "stores/evil/train.lmdb"
    with StoreWriter(path, name="evil", split="../../../outside", classes=CLASSES) as writer:
        writer.add(PLAIN["val"][0])
    before = sorted(root.rglob("*"))
    with pytest.raises(BadInput, match="cannot be the name of a file"):
        export_dataset(open_stores("evil"), kind, root / "a/b")
    with pytest.raises(BadInput, match="cannot be the name of a file"):
        merge_datasets(open_stores("evil"), "merged")
    assert sorted(root.rglob("*")) == before


def test_classes_that_xml_cannot_hold(root):
    stores = write_splits("odd", {"train": PLAIN["val"]}, ("a\x01b",), source="a test")
    with pytest.raises(BadInput, match="the name has control characters, which XML cannot hold"):
        export_dataset(stores, "voc", root / "out")
    assert not (root / "out").exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_to_a_folder(root, is_there):
    stores = write_splits("plain", PLAIN, CLASSES, source="a test")
    if is_there:
        (root / "real").mkdir()
    (root / "link").symlink_to(root / "real")
    export_dataset(stores, "csv", root / "link")
    assert (root / "link").is_symlink()
    assert (root / "real/annotations.csv").is_file()


def test_nothing_is_written_over(root):
    stores = write_splits("plain", PLAIN, CLASSES, source="a test")
    (root / "out").mkdir()
    (root / "out/mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not empty, and holds no exported dataset of Multibox"):
        export_dataset(stores, "voc", root / "out")
    assert [path.name for path in (root / "out").iterdir()] == ["mine.txt"]


def test_nothing_is_left_where_it_fails(root):
    stores = write_splits("plain", PLAIN, CLASSES, source="a test")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_dataset(stores, "coco", root / "out", progress=stop)
    assert [path.name for path in root.iterdir()] == ["stores"]


def test_the_command(root):
    write_splits("rich", RICH, ("ant", "zebra"), source="a test")
    result = CliRunner().invoke(main, ["data", "export", "rich/train", "--format", "voc", "--out", str(root / "out")])
    assert result.exit_code == 0, result.output
    assert "voc cannot hold everything: boxes moved to whole pixels: 1" in result.output
    assert result.output.endswith(f"multibox data build {root / 'out'} --name NAME\n")
    told = CliRunner().invoke(main, ["data", "export", "rich", "--format", "csv", "--out", str(root / "csv"), "--json"])
    assert json.loads(told.stdout)["objects"] == 3
