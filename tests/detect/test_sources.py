import cv2
import numpy as np
import pytest

from multibox.detect.sources import find_images, read_image
from multibox.errors import BadInput


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", "sub/c.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(paths, folder):
    return [path.relative_to(folder).as_posix() for path in paths]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["b.jpg", "a.PNG"], ["b.jpg", "a.PNG"]),
        (["notes.txt"], ["notes.txt"]),
        ([""], ["a.PNG", "b.jpg"]),
        (["sub", "b.jpg"], ["sub/c.jpeg", "b.jpg"]),
        (["*.jpg"], ["b.jpg"]),
        (["**/*"], ["a.PNG", "b.jpg", "sub/c.jpeg"]),
        (["b.jpg", "", "*"], ["b.jpg", "a.PNG"]),
    ],
)
def test_find(folder, paths, expected):
    assert names(find_images([folder / path for path in paths]), folder) == expected


def test_find_nothing():
    assert find_images([]) == []


def test_a_name_with_brackets_is_a_file_first(tmp_path):
    (tmp_path / "photo[1].jpg").write_bytes(b"")
    assert names(find_images([tmp_path / "photo[1].jpg"]), tmp_path) == ["photo[1].jpg"]


@pytest.mark.parametrize(
    ("path", "message"), [("missing.jpg", "no such file"), ("empty", "no pictures"), ("*.gif", "matches no picture")]
)
def test_not_there(folder, path, message):
    (folder / "empty").mkdir()
    with pytest.raises(BadInput, match=message) as error:
        find_images([folder / path])
    assert path in str(error.value)


def test_read_image_is_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((2, 3, 3), (10, 20, 30), np.uint8))
    assert read_image(tmp_path / "image.png")[0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_broken(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.jpg"):
        read_image(tmp_path / "broken.jpg")
