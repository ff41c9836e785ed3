from threading import Barrier

import cv2
import numpy as np
import pytest

from colored import ColorRuntime, make_schema, paint
from multibox.boxes import decode, encode
from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.detect.load import load
from multibox.detect.views import Tta
from multibox.errors import BadInput

OBJECTS = {"red": (40, 20, 240, 180), "blue": (300, 100, 380, 240)}


def assert_found(found, objects=OBJECTS, within=3.0):
    """The detections are ``objects``, to within pixels of the image that the resize to the input leaves open."""
    assert sorted(found.names) == sorted(objects)
    for name, box in zip(found.names, found.boxes, strict=True):
        np.testing.assert_allclose(box, objects[name], atol=within)


@pytest.mark.parametrize("resize", ["warp", "letterbox"])
@pytest.mark.parametrize("size", [(300, 400), (600, 400), (256, 384)])
def test_boxes_are_pixels_of_the_image(resize, size):
    found = Detector(ColorRuntime(make_schema(resize=resize)))(paint(size, OBJECTS))
    assert_found(found, within=1 + max(size[0] / 128, size[1] / 192))
    assert found.image_size == size
    assert found.boxes.dtype == np.float32
    assert found.scores.tolist() == pytest.approx([1 / (1 + 2 * np.exp(-5) + np.exp(-5))] * 2, rel=1e-3)


def test_boxes_are_clipped_to_the_image(detector):
    found = detector(paint((128, 192), {"red": (0, 0, 192, 128)}))
    np.testing.assert_allclose(found.boxes, [[0, 0, 192, 128]], atol=1e-3)
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [192, 128, 192, 128]).all()


def test_nothing_to_find(detector):
    found = detector(paint((100, 100), {}))
    assert len(found) == 0
    assert found.boxes.shape == (0, 4)


def test_a_list_goes_in_batches(detector):
    images = [paint((100 + i, 150), {"green": (10, 10, 60 + i, 70)}) for i in range(19)]
    found = detector(images)
    assert detector.runtime.batches == [8, 8, 3]
    for i, one in enumerate(found):
        assert one.image is images[i]
        assert_found(one, {"green": (10, 10, 60 + i, 70)})


def test_a_list_goes_one_by_one_into_several_lanes(detector):
    detector.runtime.lanes = 3
    meeting = Barrier(3)
    answer = detector.runtime.answer

    def answer_together(images):
        meeting.wait(timeout=20)
        return answer(images)

    detector.runtime.answer = answer_together
    images = [paint((100 + i, 150), {"green": (10, 10, 60 + i, 70)}) for i in range(9)]
    for i, one in enumerate(detector(images)):
        assert one.image is images[i]
        assert_found(one, {"green": (10, 10, 60 + i, 70)})
    assert detector.runtime.batches == [1] * 9


def test_an_empty_list(detector):
    assert detector([]) == []
    assert detector.detect([]) == []


def test_paths_pillow_and_arrays_agree(detector, tmp_path):
    image = paint((200, 300), {"red": (40, 20, 140, 180)})
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), image[..., ::-1])
    pillow = pytest.importorskip("PIL.Image")
    for found in (detector(path), detector(str(path)), detector(pillow.open(path)), *detector([path, image])):
        np.testing.assert_array_equal(found.boxes, detector(image).boxes)


def test_pillow_is_turned_upright(detector, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    sideways = pillow.fromarray(np.rot90(paint((200, 300), {"red": (40, 20, 140, 180)})))
    exif = sideways.getexif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    sideways.save(tmp_path / "turned.jpg", exif=exif, quality=98)
    for picture in (tmp_path / "turned.jpg", pillow.open(tmp_path / "turned.jpg")):
        assert_found(detector(picture), {"red": (40, 20, 140, 180)})


def test_thresholds(detector):
    image = paint((300, 400), OBJECTS)
    assert len(detector(image, score=0.999)) == 0
    assert len(detector(image, score=0.5)) == 2
    by_class = Detector(ColorRuntime(make_schema(thresholds={"red": 0.999})))
    assert by_class(image).names == ["blue"]
    shown = Detector(ColorRuntime(make_schema(detect=Detect(show=0.999), thresholds={"red": 0.1})))
    assert shown(image).names == ["red"]
    assert sorted(shown.detect([shown.prepare(image)])[0].names) == ["blue", "red"]  # evaluation sees all


def test_prepare_keeps_the_image_only_when_asked(detector):
    image = paint((50, 60), {})
    assert detector.prepare(image).image is None
    assert detector.prepare(image, keep=True).image is image


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 array of shape \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (17, "a int"),
        ("nowhere.jpg", "nowhere.jpg: cannot be read"),
    ],
)
def test_not_a_picture(detector, image, message):
    with pytest.raises(BadInput, match=message):
        detector(image)


@pytest.mark.parametrize("options", [{"score": 1.5}, {"nms_iou": -0.1}])
def test_not_a_share(detector, options):
    with pytest.raises(BadInput, match="not between 0 and 1"):
        detector(paint((50, 60), {}), **options)


def test_the_activation_is_the_models():
    """Logit 5 of red beside 0 of all others: exp(5) / (exp(5) + 3) by softmax, 1 / (1 + exp(-5)) by sigmoid."""
    image = paint((128, 192), {"red": (60, 30, 110, 90)})
    for activation, expected in (("softmax", 0.98018), ("sigmoid", 0.99331)):
        found = Detector(ColorRuntime(make_schema(activation=activation)))(image, score=0.9)
        np.testing.assert_allclose(found.scores, [expected], atol=1e-5)


def test_nms_iou_is_used():
    class Twice(ColorRuntime):
        """Answers on a second prior too, with a box that is half a width further right: they overlap by a third."""

        def answer(self, images):
            logits, deltas = super().answer(images)
            best = logits[0, :, 1].argmax()
            box_rel = decode(deltas[0, best], self.priors_rel[best])
            box_rel[[0, 2]] += (box_rel[2] - box_rel[0]) / 2
            logits[:, best + 1] = logits[:, best]
            deltas[:, best + 1] = encode(box_rel, self.priors_rel[best + 1])
            return logits, deltas

    twice = Detector(Twice())
    image = paint((128, 192), {"red": (60, 30, 110, 90)})
    assert len(twice(image)) == 2  # the model allows 0.45
    assert len(twice(image, nms_iou=0.34)) == 2
    assert len(twice(image, nms_iou=0.32)) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.keras", None, "no such model file"),
        ("model.bin", b"?", "not a model file"),
        ("model.onnx", b"not onnx", "not an ONNX model"),
        ("model.keras", b"not a zip", "not a model file"),
    ],
)
def test_not_a_model(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=f"{name}: {message}"):
        load(tmp_path / name)


def test_views_show_the_same_place():
    """Mirrored and smaller, the objects come back to where they are, and the scores of the views are averaged."""
    image = paint((300, 400), OBJECTS)
    for resize in ("warp", "letterbox"):
        runtime = ColorRuntime(make_schema(resize=resize))
        for tta in (Tta(scales=(1.0,)), Tta(flip=False, scales=(0.7,)), Tta(scales=(1.0, 0.83, 0.5))):
            assert_found(Detector(runtime, tta=tta)(image), within=6)
    assert runtime.batches[-1] == 6


def test_what_one_view_of_four_shows_is_not_shown():
    class Once(ColorRuntime):
        def answer(self, images):
            logits, deltas = super().answer(images)
            logits[1:] = logits[:1] * 0 + np.array([20, 0, 0, 0])
            return logits, deltas

    image = paint((300, 400), OBJECTS)
    assert len(Detector(Once())(image)) == 2
    found = Detector(Once(), tta=True)(image, score=0.1)
    assert found.scores.tolist() == pytest.approx([0.98 / 4] * 2, abs=0.01)
    assert len(Detector(Once(), tta=True)(image)) == 0


@pytest.mark.parametrize("scales", [(), (0.0,), (1.5,)])
def test_not_scales(scales):
    with pytest.raises(BadInput, match="tta: the scales"):
        Tta(scales=scales)


def test_other_values_of_detect(detector, monkeypatch):
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: detector.runtime)
    changed = load("x.onnx", nms="soft-linear", nms_iou=0.6, agnostic=None)
    assert changed.config == detector.config.model_copy(update={"nms": "soft-linear", "nms_iou": 0.6})
    assert changed.schema.detect == detector.config
    with pytest.raises(BadInput, match=r"detect\.nms: "):
        load("x.onnx", nms="mild")
    with pytest.raises(BadInput, match=r"detect\.agnostik: "):
        load("x.onnx", agnostik=True)


def test_another_way_to_run_the_network(detector):
    """Such as a queue: it gets the prepared images, and the original detector goes on as before."""
    image, asked = paint((300, 400), OBJECTS), []

    def run(batch):
        asked.append(len(batch))
        return detector.run(batch)

    other = detector.with_run(run)
    assert_found(other(image))
    assert asked == [1]
    assert_found(detector(image))
    assert asked == [1]
    assert other.classes == detector.classes


def test_a_model_searches_in_the_tiles_that_it_was_trained_on():
    small = {"green": (1500, 900, 1510, 906)}
    image = paint((2000, 3000), small)
    of_tiles = ColorRuntime(make_schema(tiles=384))
    assert Detector(of_tiles)(image).names == ["green"]
    assert Detector(of_tiles, tiles="none")(image).names == []
    assert Detector(of_tiles, tiles=2900)(image).names == []
    assert Detector(ColorRuntime(make_schema(tiles=0.125)))(image).names == ["green"]
    assert Detector(ColorRuntime())(image).names == []


def test_a_list_of_images_in_tiles_is_searched_as_one_by_one():
    detector = Detector(ColorRuntime(make_schema(tiles=384)))
    images = [paint((600, 900), {"red": (10 * n, 20, 10 * n + 60, 60)}) for n in range(4)]
    for image, found in zip(images, detector(images), strict=True):
        np.testing.assert_array_equal(found.boxes, detector(image).boxes)


def test_opening_a_model_of_tiles_says_so_unless_tiles_are_given(monkeypatch, caplog):
    caplog.set_level("INFO", logger="multibox")
    monkeypatch.setattr("multibox.detect.load.open_runtime", lambda *_: ColorRuntime(make_schema(tiles=384)))
    assert str(load("some.onnx").tiles) == "tiles of 384 pixels"
    said = "searches large images in tiles of 384 pixels, as the model was trained; set tiles=none to change that"
    assert caplog.messages == [said]
    assert (load("some.onnx", tiles="none").tiles, str(load("some.onnx", tiles=0.5).tiles)) == (
        None,
        "tiles of 0.5 of an image's longer side",
    )
    assert caplog.messages == [said]
