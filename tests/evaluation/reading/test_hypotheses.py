"""What the objects say about the meaning of a file. Encodings are written here by hand, form by form."""

import numpy as np
import pytest

from multibox.evaluation.reading.box_form import BoxForm
from multibox.evaluation.reading.hypotheses import Meaning, better_meaning
from multibox.evaluation.reading.numbering import class_numberings, image_numberings
from multibox.evaluation.reading.result_rows import Ids, Rows

SIZES = [(320, 240), (500, 375), (640, 427), (333, 500)]
NAMES = ("a", "b", "c", "d", "e")


def column(values):
    distinct = tuple(dict.fromkeys(map(str, values)))
    return Ids(distinct, np.array([distinct.index(str(value)) for value in values], np.int64))


def random_boxes(rng, sizes, largest=0.7):
    sides = sizes * rng.uniform(0.05, largest, sizes.shape)
    low = rng.uniform(0, 1, sizes.shape) * (sizes - sides)
    return np.concatenate([low, low + sides], axis=1)


@pytest.fixture
def make_case(make_truth):
    """Random objects, and detections of some quality: (truth, images, labels, boxes, scores)."""

    def build(seed, images=12, quality=1.0, clutter=0.0):
        rng = np.random.default_rng(seed)
        sizes = np.array(SIZES)[rng.integers(0, len(SIZES), images)]
        at = np.sort(rng.integers(0, images, 3 * images))
        labels = rng.integers(0, len(NAMES), len(at))
        boxes = random_boxes(rng, sizes[at])
        truth = make_truth(list(zip(at.tolist(), labels.tolist(), boxes, strict=True)), images, NAMES)
        object.__setattr__(truth, "image_sizes", sizes)
        if quality == 1:
            return truth, at, labels, boxes, np.full(len(at), 0.9)
        hit = np.flatnonzero(rng.random(len(at)) < quality)
        loose = boxes[hit] + rng.normal(0, 0.1, (len(hit), 4)) * np.tile(boxes[hit, 2:] - boxes[hit, :2], 2)
        false = rng.integers(0, images, rng.poisson(clutter * images))
        return (
            truth,
            np.concatenate([at[hit], false]),
            np.concatenate([labels[hit], rng.integers(0, len(NAMES), len(false))]),
            np.concatenate([loose, random_boxes(rng, sizes[false])]),
            np.concatenate([rng.beta(4, 2, len(hit)), rng.beta(2, 4, len(false))]),
        )

    return build


def better(truth, image_ids, category_ids, boxes, scores):
    """What is said of a file with these columns. The data number images by tens from 10, and classes from 1."""
    names = [(f"p{i:03d}.jpg",) for i in range(len(truth.image_ids))]
    images = image_numberings([10 * i + 10 for i in range(len(names))], names)
    classes = class_numberings({name: i + 1 for i, name in enumerate(NAMES)}, NAMES)
    rows = Rows(column(image_ids), column(category_ids), boxes, scores)
    return better_meaning(Meaning(images[0], classes[0], BoxForm()), rows, truth, images, classes)


def xywh(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def centers(boxes):
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def padded(boxes, sizes, side):
    return boxes * (side / sizes.max(axis=1, keepdims=True))


def letterboxed(boxes, sizes, side):
    inner = sizes * (side / sizes.max(axis=1, keepdims=True))
    return padded(boxes, sizes, side) + np.tile((side - inner) / 2, 2)


FORMS = {
    "corners": lambda boxes, sizes: boxes,
    "center": lambda boxes, sizes: centers(boxes),
    "xywh,swapped": lambda boxes, sizes: xywh(boxes)[:, [1, 0, 3, 2]],
    "corners,swapped": lambda boxes, sizes: boxes[:, [1, 0, 3, 2]],
    "xywh,fractions": lambda boxes, sizes: xywh(boxes / np.tile(sizes, 2)),
    "corners,fractions": lambda boxes, sizes: boxes / np.tile(sizes, 2),
    "center,fractions": lambda boxes, sizes: centers(boxes / np.tile(sizes, 2)),
    "corners,swapped,fractions": lambda boxes, sizes: (boxes / np.tile(sizes, 2))[:, [1, 0, 3, 2]],
    "xywh,stretched:300x300": lambda boxes, sizes: xywh(boxes / np.tile(sizes, 2) * 300),
    "corners,swapped,stretched:1000x1000": lambda boxes, sizes: (boxes / np.tile(sizes, 2) * 1000)[:, [1, 0, 3, 2]],
    "corners,letterbox:640x640": lambda boxes, sizes: letterboxed(boxes, sizes, 640),
    "xywh,padded:416x416": lambda boxes, sizes: xywh(padded(boxes, sizes, 416)),
}


@pytest.mark.parametrize("form", FORMS)
def test_perfect_detections_in_another_form(make_case, form):
    truth, images, labels, boxes, scores = make_case(1)
    written = FORMS[form](boxes, truth.image_sizes[images].astype(float))
    found = better(truth, 10 * images + 10, labels + 1, written, scores)
    assert (found.meaning.images.name, found.meaning.classes.name) == ("data", "data")
    assert str(found.meaning.boxes) == form
    assert found.fit > 0.99
    assert found.before < 0.7


@pytest.mark.parametrize("form", ["corners", "center", "xywh,swapped", "center,fractions", "corners,letterbox:640x640"])
def test_a_poor_detector_in_another_form(make_case, form):
    truth, images, labels, boxes, scores = make_case(2, images=60, quality=0.5, clutter=3)
    written = FORMS[form](boxes, truth.image_sizes[images].astype(float))
    found = better(truth, 10 * images + 10, labels + 1, written, scores)
    assert str(found.meaning.boxes) == form


@pytest.mark.parametrize(
    ("image_ids", "category_ids", "expected"),
    [
        (lambda i: 10 * i, lambda c: c + 1, None),  # the image before: no known numbering, so nothing is proposed
        (lambda i: 10 * i + 10, lambda c: c, ("data", "from-0")),
        (lambda i: i, lambda c: c + 1, ("numbers", "data")),  # p000.jpg is the first
        (lambda i: i + 1, lambda c: c, ("from-1", "from-0")),
        (lambda i: 10 * i + 10, lambda c: [3, 5, 1, 2, 4][c], ("data", "1=c,2=d,3=a,4=e,5=b")),
        (lambda i: 10 * i + 10, lambda c: [70, 30, 10, 50, 90][c], ("data", "10=c,30=b,50=d,70=a,90=e")),
    ],
)
def test_perfect_detections_with_another_numbering(make_case, image_ids, category_ids, expected):
    truth, images, labels, boxes, scores = make_case(3, images=30)
    columns = [image_ids(int(i)) for i in images], [category_ids(int(c)) for c in labels]
    found = better(truth, *columns, xywh(boxes), scores)
    assert (found and (found.meaning.images.name, found.meaning.classes.name)) == expected


def test_two_faults_at_once(make_case):
    truth, images, labels, boxes, scores = make_case(4, images=20)
    found = better(truth, images + 1, labels, centers(boxes), scores)
    meaning = found.meaning
    assert (meaning.images.name, meaning.classes.name, str(meaning.boxes)) == ("from-1", "from-0", "center")


@pytest.mark.parametrize("quality", [0.0, 0.05, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("clutter", [0, 2, 15])
def test_a_detector_that_is_read_rightly_raises_no_alarm(make_case, quality, clutter):
    for seed in range(3):
        for images in (1, 4, 25):
            truth, at, labels, boxes, scores = make_case(seed, images, quality, clutter)
            assert better(truth, 10 * at + 10, labels + 1, xywh(boxes), scores) is None


def test_few_images_of_many_suffice(make_case):
    """Objects in images without detections say nothing about the meaning."""
    truth, images, labels, boxes, scores = make_case(5, images=190)
    some = images < 8
    found = better(truth, 10 * images[some] + 10, labels[some] + 1, boxes[some], scores[some])
    assert str(found.meaning.boxes) == "corners"


def test_too_few_objects_prove_nothing(make_case):
    truth, images, labels, boxes, scores = make_case(6, images=1)
    assert len(truth) == 3
    assert better(truth, 10 * images + 10, labels + 1, boxes, scores) is None
