import io
import threading
import types
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.detect.read_image import read_image
from multibox.errors import BadInput
from multibox.predict.sources import Source, count_images, find_sources


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", "film.MP4", "sub/c.jpeg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def names(paths, folder):
    return [source.name.removeprefix(f"{folder}/") for source in find_sources(paths)]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["b.jpg", "a.PNG"], ["b.jpg", "a.PNG"]),
        (["notes.txt"], ["notes.txt"]),
        ([""], ["a.PNG", "b.jpg", "film.MP4"]),
        (["sub", "b.jpg"], ["sub/c.jpeg", "b.jpg"]),
        (["*.jpg"], ["b.jpg"]),
        (["**/*"], ["a.PNG", "b.jpg", "film.MP4", "sub/c.jpeg"]),
        (["b.jpg", "", "*"], ["b.jpg", "a.PNG", "film.MP4"]),
    ],
)
def test_find(folder, paths, expected):
    assert names([folder / path for path in paths], folder) == expected


def test_find_nothing():
    assert find_sources([]) == []


def test_a_name_with_brackets_is_a_file_first(tmp_path):
    (tmp_path / "photo[1].jpg").write_bytes(b"")
    assert names([tmp_path / "photo[1].jpg"], tmp_path) == ["photo[1].jpg"]


@pytest.mark.parametrize(
    ("path", "kind", "stem"),
    [
        ("camera:0", "live", "camera-0"),
        ("rtsp://user:secret@host:554/street", "live", "host-554-street"),
        ("https://host/films/a.mp4?key=1", "video", "a"),
        ("https://host/Photo.JPG?size=2", "image", "Photo"),
        ("http://host:8080/stream", "live", "host-8080-stream"),
        ("film.MP4", "video", "film"),
        ("b.jpg", "image", "b"),
    ],
)
def test_kinds(folder, monkeypatch, path, kind, stem):
    monkeypatch.chdir(folder)
    (source,) = find_sources([path])
    assert (source.name, source.kind, source.stem) == (path, kind, stem)


def test_count(folder):
    assert count_images(find_sources([folder / "b.jpg", folder / "sub"])) == 2
    assert count_images(find_sources([folder])) is None


@pytest.mark.parametrize(
    ("path", "message"), [("missing.jpg", "no such file"), ("empty", "holds no images"), ("*.gif", "matches no image")]
)
def test_not_there(folder, path, message):
    (folder / "empty").mkdir()
    with pytest.raises(BadInput, match=message) as error:
        find_sources([folder / path])
    assert path in str(error.value)


def pipe(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(content)))


def test_stdin_as_a_picture(monkeypatch):
    content = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    pipe(monkeypatch, content)
    assert find_sources(["-"]) == [Source("-", encoded=content)]
    assert Source("-").stem == "stdin"


def test_stdin_as_a_list(folder, monkeypatch):
    pipe(monkeypatch, f"{folder}/b.jpg\n\n{folder}/missing.jpg\n{folder}/sub\ncamera:1\n".encode())
    assert [(s.name.removeprefix(f"{folder}/"), s.kind) for s in find_sources(["-"])] == [
        ("b.jpg", "image"),
        ("missing.jpg", "image"),  # reported when it is read, as a broken one is
        ("sub/c.jpeg", "image"),
        ("camera:1", "live"),
    ]


def test_empty_stdin(monkeypatch):
    pipe(monkeypatch, b"\n")
    with pytest.raises(BadInput, match="standard input is empty"):
        find_sources(["-"])


def test_read_image_is_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "image.png"), np.full((2, 3, 3), (10, 20, 30), np.uint8))
    assert read_image(tmp_path / "image.png")[0, 0].tolist() == [30, 20, 10]


@pytest.fixture
def server(tmp_path):
    """The URL of a folder of one picture."""
    cv2.imwrite(str(tmp_path / "image.png"), np.full((2, 3, 3), (10, 20, 30), np.uint8))
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_picture_of_the_web(server):
    assert read_image(f"{server}/image.png")[0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize(("name", "reason"), [("/missing.png", "File not found"), (":1/x.png", "cannot be read")])
def test_not_on_the_web(server, name, reason):
    with pytest.raises(BadInput, match=reason):
        read_image(server.rpartition(":")[0] + name if name[0] == ":" else server + name)


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_broken(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(BadInput, match=r"broken\.jpg"):
        read_image(tmp_path / "broken.jpg")


@pytest.mark.parametrize("name", ["http://[x/bus.jpg", "rtsp://[x"])
def test_not_an_address(name):
    with pytest.raises(BadInput, match=r"\[x.*: "):
        find_sources([name])
    with pytest.raises(BadInput, match=r"\[x.*: "):
        read_image(name)


def test_no_such_camera():
    with pytest.raises(BadInput, match="no such file"):
        find_sources(["camera:99999999999"])


def test_a_long_address():
    assert len(Source("https://host/" + "a" * 300 + "?token=" + "b" * 300, "live").stem) == 100


def test_a_folder_whose_images_lie_in_folders_below_it_names_the_glob(tmp_path):
    for name in ("[old]/2/a.JPG", "[old]/2/b.JPG", "[old]/c.d/c.png", "[old]/readme.txt", "none/sub.jpg/a.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(BadInput) as stopped:
        find_sources([tmp_path / "[old]"])
    pattern = str(tmp_path / "[[]old]" / "**" / "*.JPG")
    assert stopped.value.message == f"the folder has images only in its subfolders; give {pattern!r}"
    assert len(find_sources([pattern])) == 2
    with pytest.raises(BadInput, match="holds no images"):
        find_sources([tmp_path / "none"])


def test_images_in_subfolders_that_are_left_out_are_said(tmp_path, caplog):
    for name in ("a.png", "old/b.jpg", "old/deep/c.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level("INFO", "multibox"):
        assert [Path(source.name).name for source in find_sources([tmp_path])] == ["a.png"]
    glob_of_both = str(tmp_path / "**" / "*.jpg")
    expected = f"{tmp_path}: images in its subfolders are left out; to take them too, give {glob_of_both!r}"
    assert caplog.messages == [expected]
    caplog.clear()
    assert len(find_sources([glob_of_both])) == 2
    assert not caplog.messages
