"""The C++ programs of examples/cpp, compiled as docs/opencv-cpp.md says, find what ``multibox predict`` finds."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.export.write import Plan, write
from same_detections import without_counterpart

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++"),
    pytest.mark.parametrize("original", ["ssdlite-efficientnet"], indirect=True, scope="session"),
]

REPOSITORY = Path(__file__).parents[2]
COMMANDS = re.findall(r"```bash\n(.*?)```", (REPOSITORY / "docs" / "opencv-cpp.md").read_text("utf-8"), re.DOTALL)
HEADERS = Path("/usr/include/onnxruntime")


MODELS = {"openvino": ("openvino", "model.xml"), "onnxruntime": ("onnx", "model.onnx")}
"""Format and file of each program."""


class Program:
    """A compiled program, with the model and the names of the classes that it takes, in a folder of its own."""

    def __init__(self, runtime, original, folder):
        kind, self.model = MODELS[runtime]
        self.folder, self.path = folder, folder / f"detect-{runtime}"
        (command,) = (command for command in COMMANDS if f"{runtime}.cpp" in command)
        found_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        (folder / "examples").symlink_to(REPOSITORY / "examples")
        subprocess.run(["bash", "-euc", command], cwd=folder, env=os.environ | {"PATH": found_first}, check=True)
        plan = Plan(kind, True, "fp32", None)
        write(original.network, original.schema, folder / self.model, plan, original.images)
        (folder / "classes.txt").write_text("".join(f"{name}\n" for name in original.schema.classes))

    def __call__(self, photo, score, classes="classes.txt"):
        command = [self.path, self.model, classes, photo, score]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=MODELS)
def program(request, original, tmp_path_factory):
    if importlib.util.find_spec(request.param) is None or (request.param == "onnxruntime" and not HEADERS.exists()):
        pytest.skip(f"there is nothing to compile against {request.param} with")
    return Program(request.param, original, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (300, 211), (90, 100)])
def test_a_program_finds_what_predict_finds(program, original, size, monkeypatch):
    monkeypatch.chdir(program.folder)
    photo = cv2.resize(original.images[0], size)[..., ::-1]
    cv2.imwrite("photo.ppm", photo)
    cv2.imwrite("photo.png", photo)
    done = program("photo.ppm", "0.05")
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 5) for line in done.stdout.splitlines()]
    classes = original.schema.classes
    given = detections(
        (classes.index(name), float(score), list(map(float, corners))) for score, *corners, name in lines
    )
    words = ["predict", program.model, "photo.png", "--score", "0.05", "--json", "--save", "json", "--replace"]
    (printed,) = json.loads(CliRunner().invoke(main, words, catch_exceptions=False).stdout)
    expected = detections((classes.index(row["name"]), row["score"], row["box"]) for row in printed["detections"])
    assert len(expected.scores) > 10
    assert without_counterpart(expected, given) <= 0.01 * (len(expected.scores) + len(given.scores))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bad.ppm", "0.5"), "bad.ppm: not a binary PPM image; try"),
        (("short.ppm", "0.5"), "short.ppm: the file ends before the image does"),
        (("missing.ppm", "0.5"), "missing.ppm: cannot be read"),
        (("photo.ppm", "0,5"), "SCORE is a number from 0 to 1, not '0,5'"),
        (("photo.ppm", "0.05", "two.txt"), "the file of class names is too short: the model has a class 3"),
    ],
)
def test_a_program_says_what_it_cannot_read(program, original, words, message, monkeypatch):
    monkeypatch.chdir(program.folder)
    Path("bad.ppm").write_bytes(b"\xff\xd8\xff")
    Path("short.ppm").write_bytes(b"P6 90000 90000 255\n...")
    Path("two.txt").write_text("red\ngreen\n")
    cv2.imwrite("photo.ppm", original.images[0])
    done = program(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)


def test_a_program_reads_an_image_with_a_comment(program, original, monkeypatch):
    """ImageMagick copies the comment of a JPEG file."""
    monkeypatch.chdir(program.folder)
    cv2.imwrite("photo.ppm", original.images[0])
    photo = Path("photo.ppm").read_bytes()
    Path("comment.ppm").write_bytes(photo.replace(b"\n", b"\n# of a camera\n# 128\n", 1))
    assert program("comment.ppm", "0.05").stdout == program("photo.ppm", "0.05").stdout != ""


def test_a_program_refuses_a_model_of_letterbox(program, original):
    if program.model != "model.xml":
        pytest.skip("the file of the other program is not text")
    path = program.folder / program.model
    text = path.read_text("utf-8")
    changed = text.replace("resize&quot;:&quot;warp", "resize&quot;:&quot;letterbox")
    assert changed != text
    path.write_text(changed, "utf-8")
    cv2.imwrite(str(program.folder / "photo.ppm"), original.images[0])
    done = program("photo.ppm", "0.05")
    path.write_text(text, "utf-8")
    assert (done.returncode, done.stdout) == (1, "")
    assert "letterbox" in done.stderr


def detections(rows) -> SimpleNamespace:
    labels, scores, boxes = zip(*rows, strict=True)
    return SimpleNamespace(labels=np.array(labels), scores=np.array(scores), boxes=np.array(boxes))
