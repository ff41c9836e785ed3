import os

import pytest

from multibox.annotations import files
from multibox.annotations.files import Files, fingerprint, walk
from multibox.annotations.images import Images, pair, plain_name
from multibox.annotations.problem import Problem
from multibox.errors import BadInput


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_hidden_files_stores_and_runs_are_not_listed(tmp_path):
    touch(tmp_path, "a.jpg", ".hidden/b.jpg", ".c.jpg", "__MACOSX/d.jpg", "stores/train.lmdb", "stores/build.json")
    touch(tmp_path, "run/config.yaml", "run/log.csv", "run/best/e.jpg", "deep/er/f.jpg")
    assert [str(path.relative_to(tmp_path)) for path in walk(tmp_path)] == ["a.jpg", "deep/er/f.jpg"]


def test_links_are_followed_once(tmp_path):
    touch(tmp_path, "a/b.jpg", "elsewhere/c.jpg")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    (tmp_path / "a/link").symlink_to(tmp_path / "elsewhere")
    assert [str(path.relative_to(tmp_path / "a")) for path in walk(tmp_path / "a")] == ["b.jpg", "link/c.jpg"]


def test_a_whole_disk_is_refused(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "b/c.jpg", "b/d.jpg")
    with pytest.raises(BadInput, match="holds more than 2 files; give a smaller folder, or images=FOLDER"):
        walk(tmp_path, 2)
    monkeypatch.setattr(files, "NEAR", 2)
    (tmp_path / "boxes.csv").touch()
    with pytest.raises(BadInput, match="holds more than 2 files"):
        Images(Files(tmp_path / "boxes.csv")).of_names(["elsewhere.jpg"], tmp_path / "boxes.csv")


def test_images_beside_a_single_file_are_found_without_listing_its_folder(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "below/b.jpg", "boxes.csv")
    images = Images(Files(tmp_path / "boxes.csv"))
    monkeypatch.setattr(files, "NEAR", 0)
    found = images.of_names(["a.jpg", "below/b.jpg"], tmp_path / "boxes.csv")
    assert found == [tmp_path / "a.jpg", tmp_path / "below/b.jpg"]


def test_images_of_a_single_file_may_be_beside_its_folder(tmp_path):
    touch(tmp_path, "annotations/boxes.json", "val2017/a.jpg", "val2017/b.jpg")
    images = Images(Files(tmp_path / "annotations/boxes.json"))
    found = images.of_names(["a.jpg", "b.jpg"], tmp_path / "annotations/boxes.json")
    assert found == [tmp_path / "val2017/a.jpg", tmp_path / "val2017/b.jpg"]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a.jpg", "a.jpg"),
        ("C:\\Users\\me\\a b.jpg", "/Users/me/a b.jpg"),
        ("https://host.example/set/a%20b.jpg?sig=1", "/set/a b.jpg"),
        ("gs://bucket/set/a.jpg", "/set/a.jpg"),
        ("file:///data/a.jpg", "/data/a.jpg"),
        ("/data/local-files/?d=photos/a.jpg", "photos/a.jpg"),
        (" a.jpg ", "a.jpg"),
        ("", "."),
    ],
)
def test_names_of_other_machines_and_addresses(written, path):
    assert str(plain_name(written)) == path


@pytest.mark.parametrize(
    ("written", "split", "found"),
    [
        ("1.jpg", "train", "train/1.jpg"),
        ("1.jpg", "val", "valid/1.jpg"),
        ("valid/1.jpg", "train", "valid/1.jpg"),
        ("/home/me/data/train/1.jpg", "", "train/1.jpg"),
        ("2.JPG", "", "train/2.jpg"),
        ("2", "", "train/2.jpg"),
        ("2.png", "", "train/2.jpg"),
        ("3.jpg", "", None),
    ],
)
def test_the_image_with_a_name(tmp_path, written, split, found):
    touch(tmp_path, "train/1.jpg", "valid/1.jpg", "train/2.jpg")
    image = Images(Files(tmp_path)).of_name(written, tmp_path / "boxes.csv", split)
    assert image == (tmp_path / found if found else None)


def test_missing_images_are_expected_where_most_are(tmp_path):
    touch(tmp_path, "images/set/1.jpg", "images/set/2.jpg", "other/9.jpg")
    found = Images(Files(tmp_path)).of_names(["0.jpg", "1.jpg", "2.jpg"], tmp_path / "boxes.csv")
    assert found[0] == tmp_path / "images/set/0.jpg"


def paired(root, **written):
    paths = [root / f"{stem}.xml" for stem in written]
    return pair(Images(Files(root)), paths, list(written.values()), [""] * len(paths))


def test_the_written_name_goes_before_the_stem(tmp_path):
    touch(tmp_path, "first.jpg", "second.jpg")
    assert paired(tmp_path, a="second.jpg", b="first.jpg") == [tmp_path / "second.jpg", tmp_path / "first.jpg"]


def test_a_name_that_was_copied_into_several_files_does_not_count(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    assert paired(tmp_path, a="a.jpg", b="a.jpg", c="a.jpg") == [tmp_path / f"{name}.jpg" for name in "abc"]


def test_two_images_of_one_stem_need_the_name(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    assert paired(tmp_path, a="a.png") == [tmp_path / "a.png"]
    (problem,) = paired(tmp_path, a="")
    assert isinstance(problem, Problem)
    assert "could belong to a.jpg or a.png" in str(problem)


def test_a_fingerprint_sees_size_and_time(tmp_path):
    touch(tmp_path, "a.jpg")
    before = fingerprint([tmp_path / "a.jpg", tmp_path / "gone.jpg"])
    assert list(before) == [str(tmp_path / "a.jpg")]
    os.utime(tmp_path / "a.jpg", (1e9, 1e9))
    assert fingerprint([tmp_path / "a.jpg"]) != before
