"""A copy of a good dataset is damaged in all ways that are known, and exactly these are found."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from lxml import etree

from multibox.cli import main
from multibox.cli.data_check import by_file
from multibox.config_file import load_config
from multibox.data.build import build
from multibox.errors import BadInput
from multibox.inspection.check_dataset import check_dataset
from multibox.inspection.checkup_page import checkup_page
from multibox.inspection.finding import Finding

CONFIG = load_config()


class Damage:
    """Spoils files of a copy, and notes what the check must say: kind, file, a word of the detail."""

    def __init__(self, root):
        self.root = root
        self.planted = []
        self.free = {split: iter(self.members(split)) for split in ("train", "val", "test")}

    def members(self, split):
        return (self.root / f"ImageSets/Main/{split}.txt").read_text().split()

    def xml(self, name):
        return self.root / f"Annotations/{name}.xml"

    def jpg(self, name):
        return self.root / f"JPEGImages/{name}.jpg"

    def plant(self, kind, path, detail):
        self.planted.append((kind, Path(path).name, detail))

    def edit(self, name, change):
        tree = etree.parse(self.xml(name))
        change(tree.getroot())
        tree.write(self.xml(name))

    def add_object(self, name, class_name, box):
        def change(root):
            node = etree.SubElement(root, "object")
            if class_name:
                etree.SubElement(node, "name").text = class_name
            corners = etree.SubElement(node, "bndbox")
            for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
                etree.SubElement(corners, key).text = str(value)

        self.edit(name, change)

    def first_object(self, name):
        root = etree.parse(self.xml(name)).getroot()
        node = root.find("object")
        return node.findtext("name"), [int(node.findtext(f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")]


def truncate_an_image(damage):
    name = next(damage.free["train"])
    damage.jpg(name).write_bytes(damage.jpg(name).read_bytes()[:-300])
    damage.plant("image", damage.jpg(name), "is cut off")


def put_a_web_page_in_place_of_an_image(damage):
    name = next(damage.free["train"])
    damage.jpg(name).write_bytes(b"<html>404</html>")
    damage.plant("image", damage.jpg(name), "does not decode")


def remove_an_image(damage):
    name = next(damage.free["val"])
    damage.jpg(name).unlink()
    damage.plant("missing", damage.jpg(name), "the image file is missing")


def break_an_annotation(damage):
    name = next(damage.free["train"])
    damage.xml(name).write_bytes(damage.xml(name).read_bytes()[:-20])
    damage.plant("annotation", damage.xml(name), "not readable as XML")


def write_another_size(damage):
    name = next(damage.free["test"])
    damage.edit(name, lambda root: root.find("size/width").__setattr__("text", "999"))
    damage.plant("size", damage.xml(name), "size as 999x")


def invert_a_box(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "mug", (90, 20, 30, 60))
    damage.plant("box", damage.xml(name), "is inverted")


def flatten_a_box(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "mug", (30, 30, 30, 30))
    damage.plant("box", damage.xml(name), "has no area")


def move_a_box_outside(damage):
    name = next(damage.free["val"])
    damage.add_object(name, "mug", (500, 10, 540, 40))
    damage.plant("box", damage.xml(name), "lies outside")


def let_a_box_reach_beyond(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "mug", (60, 60, 400, 400))
    damage.plant("clipped", damage.xml(name), "reaches beyond")


def mark_an_object_twice(damage):
    name = next(damage.free["train"])
    damage.add_object(name, *damage.first_object(name))
    damage.plant("duplicate", damage.xml(name), "repeats object 1 of")


def shrink_an_object(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "mug", (50, 50, 51, 51))
    damage.plant("tiny", damage.xml(name), "pixels in the network's input")


def forget_a_label(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "", (10, 10, 60, 60))
    damage.plant("annotation", damage.xml(name), "has no <name>")


def misspell_a_label(damage):
    name = next(damage.free["train"])
    damage.add_object(name, "mugg", (10, 10, 60, 60))
    damage.plant("label", damage.xml(name), "has an unknown class")


def put_an_image_into_two_splits(damage):
    name, source = next(damage.free["test"]), next(damage.free["train"])
    shutil.copy(damage.jpg(source), damage.jpg(name))
    shutil.copy(damage.xml(source), damage.xml(name))
    damage.plant("same", damage.jpg(name), f"{source}.jpg of train")


def save_an_image_again_in_another_split(damage):
    name, source = next(damage.free["val"]), next(damage.free["train"])
    shutil.copy(damage.xml(source), damage.xml(name))
    brighter = cv2.convertScaleAbs(cv2.imread(str(damage.jpg(source))), alpha=0.9, beta=12)
    cv2.imwrite(str(damage.jpg(name)), brighter, [cv2.IMWRITE_JPEG_QUALITY, 60])
    damage.plant("alike", damage.jpg(name), f"{source}.jpg of train")


def take_the_colors_away(damage):
    name = next(damage.free["train"])
    cv2.imwrite(str(damage.jpg(name)), cv2.imread(str(damage.jpg(name)), cv2.IMREAD_GRAYSCALE))
    damage.plant("color", damage.jpg(name), "is greyscale")


def leave_a_picture_unused(damage):
    picture = cv2.imread(str(damage.jpg("000000")))
    cv2.imwrite(str(damage.jpg("stray")), cv2.flip(picture, -1))
    damage.plant("unused", damage.jpg("stray"), "is in no split")


DAMAGES = (
    truncate_an_image,
    put_a_web_page_in_place_of_an_image,
    remove_an_image,
    break_an_annotation,
    write_another_size,
    invert_a_box,
    flatten_a_box,
    move_a_box_outside,
    let_a_box_reach_beyond,
    mark_an_object_twice,
    shrink_an_object,
    forget_a_label,
    misspell_a_label,
    put_an_image_into_two_splits,
    save_an_image_again_in_another_split,
    take_the_colors_away,
    leave_a_picture_unused,
)


def classes_of(folder):
    files = (folder / "Annotations").glob("*.xml")
    return tuple(sorted({name.text for file in files for name in etree.parse(file).getroot().iter("name")}))


def test_a_good_dataset_has_nothing_to_find(sample_folder):
    checkup = check_dataset(sample_folder, CONFIG)
    assert checkup.findings == ()
    assert checkup.stops == 0
    assert checkup.images == {"train": 42, "val": 9, "test": 9}


def test_every_damage_is_found_and_nothing_else(sample_folder, tmp_path):
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    for inflict in DAMAGES:
        inflict(damage)
    checkup = check_dataset(damage.root, CONFIG, classes=classes_of(sample_folder))
    found = list(checkup.findings)
    for kind, file, detail in damage.planted:
        matching = [f for f in found if f.kind == kind and Path(f.file).name == file and detail in f.detail]
        assert len(matching) == 1, (kind, file, detail)
        found.remove(matching[0])
    assert found == []
    assert len(damage.planted) == len(DAMAGES) >= 12
    assert checkup.stops == 10


@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_what_stops_is_what_stops_a_build(sample_folder, tmp_path, monkeypatch, on_bad):
    """The check and the build judge alike: the same files, objects and reasons."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    for inflict in DAMAGES:
        if inflict is not misspell_a_label:
            inflict(damage)
    stopping = [finding for finding in check_dataset(damage.root, CONFIG).findings if finding.stops]
    if on_bad == "fail":
        with pytest.raises(BadInput, match=stopping[0].detail[:20].replace("[", r"\[")):
            build([damage.root], "scenes")
        return
    report = build([damage.root], "scenes", on_bad="skip")
    assert [str(problem) for problem in report.problems] == [str(finding) for finding in stopping]
    later = check_dataset("scenes", CONFIG)
    assert later.stops == 0
    assert {"same", "alike", "duplicate", "tiny", "color"} <= {finding.kind for finding in later.findings}
    assert sum("when the dataset was built" in finding.action for finding in later.findings) == len(stopping)


def test_rare_absent_and_twofold_classes(sample_folder, tmp_path):
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    damage.add_object("000001", "Mug", (10, 10, 80, 80))
    checkup = check_dataset(damage.root, CONFIG)
    details = [(f.object, f.detail) for f in checkup.findings if f.kind == "class"]
    ((mug, said),) = (row for row in details if "1 object" in row[1])
    assert mug == "Mug"
    assert re.fullmatch(r"has 1 object in 1 of 42 images, the most frequent class is in \d+", said)
    assert ("Mug", "has no object in val") in details
    assert len(details) == 3
    (twice,) = (finding for finding in checkup.findings if finding.kind == "spelling")
    assert (twice.object, twice.detail) == ("Mug", "differs from 'mug' only in case or spaces")
    assert twice.action == 'built as a separate class; rename="Mug=mug" joins them'
    shown = run("data", "check", damage.root).output
    assert shown.index("differ only in case or spaces: 1") < shown.index("rare or absent: 3")
    joined = run("data", "check", damage.root, "--rename", "Mug=mug").output
    assert "0 findings" in joined
    assert "Mug" not in joined.replace("Mug=mug", "")
    assert checkup.stops == 0


@pytest.fixture
def herd(tmp_path, monkeypatch):
    """COCO data of a tool that exports each mask as a crowd."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    root = tmp_path / "herd"
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (root / split).mkdir()
        cv2.imwrite(str(root / split / f"{split}.png"), np.full((40, 40, 3), 90, np.uint8))
        crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 25, 25], "area": 625, "iscrowd": 1}
        values = {
            "images": [{"id": 1, "file_name": f"{split}.png", "width": 40, "height": 40}],
            "annotations": [crowd],
            "categories": [{"id": 1, "name": "cow"}],
        }
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(values))
    return root


def useless(checkup):
    return [(f.file, f.detail, f.action.partition(";")[0]) for f in checkup.findings if f.kind == "useless"]


def test_splits_of_crowds_alone_are_found_in_files_and_in_stores_and_named_by_the_build(herd):
    found = [
        ("train", "all objects are crowds (iscrowd 1)", "nothing to learn"),
        ("val", "all objects are crowds (iscrowd 1)", "nothing to evaluate"),
    ]
    checkup = check_dataset(herd, CONFIG)
    assert (useless(checkup), checkup.stops) == (found, 0)
    result = CliRunner().invoke(main, ["data", "build", str(herd), "--name", "cows"])
    assert result.stdout.splitlines()[-1] == (
        "train, val: all objects are crowds, which training leaves out; if each is a single object, set iscrowd to 0 "
        "in the annotations and build the dataset again"
    )
    assert useless(check_dataset("cows", CONFIG)) == found


def test_difficult_objects_are_learned_unless_they_are_dropped_and_are_never_evaluated(voc_folder, tmp_path):
    """Each object of the training and validation images is marked difficult."""
    root = shutil.copytree(voc_folder, tmp_path / "toys")
    for path in (root / "Annotations").iterdir():
        path.write_text(path.read_text().replace("<difficult>0<", "<difficult>1<"))
    in_val = ("val", "all objects are difficult", "nothing to evaluate")
    in_test = ("test", *in_val[1:])
    assert useless(check_dataset(root, CONFIG)) == [in_val, in_test]
    dropping = load_config(overrides={"data.difficult": "drop"})
    learned = ("train", "all objects are difficult", "nothing to learn")
    assert useless(check_dataset(root, dropping)) == [learned, in_val, in_test]


def test_missing_label_files_of_yolo(sample_folder, tmp_path):
    for split, name in (("train", "000000"), ("train", "000001"), ("val", "000002")):
        (tmp_path / "images" / split).mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels" / split).mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_folder / f"JPEGImages/{name}.jpg", tmp_path / "images" / split)
        (tmp_path / "labels" / split / f"{name}.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    (tmp_path / "labels/train/000001.txt").unlink()
    (tmp_path / "classes.txt").write_text("mug\n")
    (finding,) = check_dataset(tmp_path, CONFIG).findings
    assert (finding.kind, finding.stops, Path(finding.file).name) == ("label", False, "000001.jpg")
    assert finding.action == "learned as an image without objects"


def test_label_files_without_image_are_unused(sample_folder, tmp_path):
    for name in ("000000", "000002"):
        shutil.copy(sample_folder / f"JPEGImages/{name}.jpg", tmp_path)
        (tmp_path / f"{name}.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    (tmp_path / "gone.txt").write_text("0 0.5 0.5 0.3 0.3\n")
    (tmp_path / "classes.txt").write_text("mug\n")
    (finding,) = (each for each in check_dataset(tmp_path, CONFIG).findings if each.kind == "unused")
    assert (Path(finding.file).name, finding.detail) == ("gone.txt", "belongs to no image of the splits")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command(sample_folder, tmp_path):
    page, priors = tmp_path / "check.html", tmp_path / "priors.yaml"
    result = run("data", "check", sample_folder, "--html", page, "--priors", priors, "network.size=[256,256]")
    assert result.exit_code == 0, result.output
    assert "nothing stops a build; 0 findings" in result.output
    assert "prior coverage of train" in result.output
    assert "<svg role=" in page.read_text()
    proposed = load_config(priors)
    assert proposed.network.size == (256, 256)
    assert proposed.priors.sizes != CONFIG.priors.sizes
    page.write_text("mine")
    refused = run("data", "check", sample_folder, "--html", page)
    assert (refused.exit_code, page.read_text()) == (2, "mine")
    assert run("data", "check", sample_folder, "--priors", priors).exit_code == 0, "its own proposal is replaced"
    priors.write_text("corrected by hand")
    again = run("data", "check", sample_folder, "--priors", priors)
    assert (again.exit_code, priors.read_text()) == (2, "corrected by hand")
    assert "was changed since Multibox wrote it; give another name, or set --replace" in again.stderr
    assert run("data", "check", sample_folder, "--priors", priors, "--html", page, "--replace").exit_code == 0
    assert "corrected" not in priors.read_text()


def test_a_crowded_image_fills_no_screen(sample_folder, tmp_path):
    """Three tiny objects in a file have a line each, more of them share one; JSON has all."""
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    few, crowd = next(damage.free["train"]), next(damage.free["train"])
    for name, count in ((few, 3), (crowd, 12)):
        for i in range(count):
            damage.add_object(name, "mug", (5 + 3 * i, 50, 5 + 3 * i, 51))
    result = run("data", "check", damage.root)
    lines = result.output.split("objects that are tiny in the network's input: 15")[1].splitlines()[1:5]
    assert [line.split(": ")[1].split(" of ")[0] for line in lines if str(damage.xml(few)) in line] == [
        f"object {len(etree.parse(damage.xml(few)).findall('object')) - 2 + i}" for i in range(3)
    ]
    (line,) = (line for line in lines if str(damage.xml(crowd)) in line)
    assert ": 12 findings; the first: object " in line
    printed = json.loads(run("data", "check", damage.root, "--json").stdout)
    assert len([one for one in printed["problems"] if one["kind"] == "tiny"]) == 15


def test_lines_beyond_the_fifth_are_counted_by_their_findings():
    """Four files of four findings each, then three files of one: two of the last are not shown."""
    names = [*("a" * 4), *("b" * 4), *("c" * 4), *("d" * 4), "e", "f", "g"]
    lines = by_file([Finding("tiny", name, f"object {i}", "is tiny", "") for i, name in enumerate(names)])
    assert [count for _, count in lines] == [4, 4, 4, 4, 1, 1, 1]
    assert lines[1][0] == "b: 4 findings; the first: object 4: is tiny"
    assert lines[4][0] == "e: object 16: is tiny"


def test_code_1_and_the_reasons_where_a_build_would_stop(sample_folder, tmp_path):
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    invert_a_box(damage)
    page = tmp_path / "check.html"
    result = run("data", "check", damage.root, "--json", "--html", page)
    assert result.exit_code == 1
    printed = json.loads(result.stdout)
    (problem,) = printed["problems"]
    assert (problem["kind"], problem["stops"]) == ("box", True)
    assert problem["object"].endswith("(mug)")
    assert problem["action"] == "the build stops; with on_bad='skip': object left out"
    assert printed["images"] == 60
    assert printed["prior_coverage"]["all"]["objects"] == sum(printed["splits"]["train"]["per_class"].values())
    assert "is inverted" in page.read_text()


def test_a_dataset_that_is_not_there(store_root):
    for name, message in (
        ("photos/nothing", "photos/nothing: no such file, folder or built dataset; built datasets: tiny"),
        ("tiny/nothing", "tiny/nothing: no such store"),
    ):
        result = run("data", "check", name)
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_an_empty_folder_and_a_damaged_report(store_root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty: no annotations found here, the folder is empty; formats"):
        check_dataset(tmp_path / "empty", CONFIG)
    (store_root / "tiny/build.json").write_text("{")
    with pytest.raises(BadInput, match=r"build\.json: is not the report of a build"):
        check_dataset("tiny", CONFIG)


@pytest.mark.parametrize(
    "option",
    [("--classes", "a"), ("--rename", "ball=b"), ("--images", "x"), ("--layout", "voc"), ("--one-based", "true")],
    ids=lambda option: option[0],
)
@pytest.mark.parametrize("target", ["tiny", "tiny/val"])
def test_options_for_files_are_refused_for_a_dataset_that_was_built(store_root, target, option):
    result = run("data", "check", target, *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"multibox: {option[0]}: only applies to a folder or file, but {target} is a built dataset; check the folder "
        "or file that it was built from, or leave the option out\n"
    )


def test_the_folder_of_stores_is_checked_as_their_dataset(store_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = check_dataset("tiny", CONFIG)
    for target in ("stores/tiny", "stores/tiny/", str(store_root / "tiny")):
        assert check_dataset(target, CONFIG).images == known.images == {"train": 4, "val": 2, "test": 2}
    assert check_dataset("stores/tiny/val.lmdb", CONFIG).images == {"val": 2}


def test_files_are_checked_although_a_dataset_has_the_name_of_their_folder(
    store_root, voc_folder, tmp_path, monkeypatch
):
    shutil.copytree(voc_folder, tmp_path / "tiny")
    (tmp_path / "tiny/JPEGImages/000007.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert "is empty" in [finding.detail for finding in check_dataset("tiny", CONFIG).findings]


def test_names_that_look_like_markup(sample_folder, tmp_path):
    damage = Damage(shutil.copytree(sample_folder, tmp_path / "scenes"))
    for class_name in ("[/b]", "[red]<img src=x>"):
        damage.add_object("000000", class_name, (10, 10, 80, 80))
    page = tmp_path / "check.html"
    result = run("data", "check", damage.root, "--html", page)
    assert result.exit_code == 0, result.output
    assert "│ [/b] " in result.output
    assert "[red]<" in result.output
    assert "<img src=x>" not in page.read_text()
    assert "[red]&lt;img src=x&gt;" in page.read_text()


def test_images_without_objects(tmp_path, voc_folder):
    root = shutil.copytree(voc_folder, tmp_path / "toys")
    for file in (root / "Annotations").glob("*.xml"):
        tree = etree.parse(file)
        for node in tree.getroot().findall("object"):
            tree.getroot().remove(node)
        tree.write(file)
    checkup = check_dataset(root, CONFIG)
    assert checkup.fit.proposal is None
    assert "<pre" not in checkup_page(checkup, CONFIG, "sizes: [1]")
    assert checkup.to_json()["objects"] == 0


def test_a_name_that_no_file_can_have_is_an_image_that_is_missing(tmp_path):
    (tmp_path / "boxes.csv").write_text(f"image,x0,y0,x1,y1,class,split\n{'x' * 300}/a.jpg,1,2,3,4,x,train\n")
    found = check_dataset(str(tmp_path / "boxes.csv"), load_config())
    assert {"missing", "image"} & {finding.kind for finding in found.findings}
