import configparser
import json

import cv2
import numpy as np
import pytest

from multibox.data.film import make_film
from multibox.data.film_scene import FilmScene
from multibox.data.motion import SITUATIONS, Motion, Stage, count_crossings
from multibox.data.sample import CLASSES, make_sample
from multibox.errors import BadInput
from multibox.writing import MARKER

FRAMES, WIDTH, HEIGHT = 40, 128, 96
NAMES = ["01-crossing", "02-hiding", "03-returning", "04-standing", "05-shaking", "06-crowd"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("films") / "films", seed=1, frames=FRAMES, size=WIDTH)


def truth(film):
    """Rows of gt.txt: frame, id, left, top, width, height, considered, class, visible share."""
    return np.loadtxt(film / "gt" / "gt.txt", delimiter=",", ndmin=2)


def centers(rows):
    """Centres of boxes in pixels from 0."""
    return rows[:, 2:4] - 1 + rows[:, 4:6] / 2


def test_the_layout_is_that_of_mot_challenge(films):
    assert sorted(path.name for path in films.iterdir() if path.name != MARKER) == NAMES
    for name in NAMES:
        about = configparser.ConfigParser()
        about.read(films / name / "seqinfo.ini")
        assert dict(about["Sequence"]) == {
            "name": name,
            "imdir": "img1",
            "framerate": "25",
            "seqlength": str(FRAMES),
            "imwidth": str(WIDTH),
            "imheight": str(HEIGHT),
            "imext": ".jpg",
        }
        images = sorted((films / name / "img1").iterdir())
        assert [path.name for path in images] == [f"{number:06}.jpg" for number in range(1, FRAMES + 1)]
        assert cv2.imread(str(images[0])).shape == (HEIGHT, WIDTH, 3)
        assert (films / name / "labels.txt").read_text().split() == [*CLASSES]


def test_rows_lie_within_the_frames_and_say_what_counts(films):
    for name in NAMES:
        rows = truth(films / name)
        assert len({(frame, who) for frame, who in rows[:, :2]}) == len(rows)
        assert rows[:, 0].min() == 1
        assert rows[:, 0].max() == FRAMES
        assert (rows[:, 2:4] >= 1).all()
        assert (rows[:, 4:6] >= 1).all()
        assert (rows[:, 2:4] - 1 + rows[:, 4:6] <= (WIDTH, HEIGHT)).all()
        assert ((rows[:, 7] >= 1) & (rows[:, 7] <= len(CLASSES))).all()
        assert ((rows[:, 8] >= 0) & (rows[:, 8] <= 1)).all()
        clear = np.abs(rows[:, 8] - 0.25) > 0.001
        np.testing.assert_array_equal(rows[clear, 6], rows[clear, 8] > 0.25)


def test_an_id_is_one_object_that_moves_smoothly(films):
    for name in NAMES:
        rows = truth(films / name)
        for who in np.unique(rows[:, 1]):
            own = rows[rows[:, 1] == who]
            assert len(np.unique(own[:, 7])) == 1
            whole = own[own[:, 8] > 0.99]
            steps = np.diff(centers(whole), axis=0)[np.diff(whole[:, 0]) == 1]
            limit = 14 if "shaking" in name or "returning" in name else 7
            assert np.abs(steps).max(initial=0) < limit


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_boxes_follow_the_ways_of_the_objects(seed):
    for situation in SITUATIONS.values():
        rng = np.random.default_rng(seed)
        scenario = situation(Stage(10, WIDTH, HEIGHT, rng))
        scene = FilmScene(scenario, WIDTH, HEIGHT, rng)
        for frame in range(10):
            image, things = scene.frame(frame)
            assert image.dtype == np.uint8
            assert image.shape == (HEIGHT, WIDTH, 3)
            for motion, thing in zip(scenario.motions, things, strict=True):
                x0, y0, x1, y1 = thing.box
                if thing.mask.sum() == thing.whole:
                    middle = motion.centers[frame] + scenario.shake[frame]
                    np.testing.assert_allclose([(x0 + x1) / 2, (y0 + y1) / 2], middle, atol=2)
                    assert abs(max(x1 - x0, y1 - y0) - motion.sides[frame]) < 0.3 * motion.sides[frame]


def test_a_hidden_object_has_no_rows_until_it_appears_again(films):
    rows = truth(films / "02-hiding")
    frames = rows[rows[:, 1] == 1][:, 0]
    gaps = np.diff(frames)
    assert gaps.max() > 3
    assert (gaps > 1).sum() == 1
    assert frames[0] == 1
    assert frames[-1] == FRAMES


def test_objects_that_leave_return_with_their_ids(films):
    rows = truth(films / "03-returning")
    for who in (1, 2):
        frames = rows[rows[:, 1] == who][:, 0]
        gap = int(np.diff(frames).argmax())
        assert np.diff(frames)[gap] > FRAMES / 4
        at_edge = rows[rows[:, 1] == who][[gap, gap + 1]]
        assert ((at_edge[:, 2] == 1) | (at_edge[:, 2] - 1 + at_edge[:, 4] == WIDTH)).all()


@pytest.mark.parametrize("seed", range(5))
def test_an_object_stands_on_the_line_and_trembles(seed):
    motions = SITUATIONS["standing"](Stage(120, 320, 240, np.random.default_rng(seed))).motions
    for motion, frames in [(motions[0], slice(46, 74)), (motions[1], slice(52, 68))]:
        distance = motion.centers[frames, 0] - 160
        assert 1 < np.abs(distance).max() < 2
        assert (np.diff(np.sign(distance)) != 0).sum() >= 3
    assert count_crossings(motions[:1], 320)[motions[0].kind] == {"left_to_right": 1, "right_to_left": 0}
    assert count_crossings(motions[1:2], 320)[motions[1].kind] == {"left_to_right": 0, "right_to_left": 0}


def test_the_scene_shakes_by_pixels_and_the_line_with_it():
    scenario = SITUATIONS["shaking"](Stage(120, 320, 240, np.random.default_rng(0)))
    jumps = np.abs(np.diff(scenario.shake, axis=0)).mean(axis=0)
    assert ((jumps > 2) & (jumps < 6)).all()
    assert all(np.abs(np.diff(motion.centers, axis=0)).max() < 3.5 for motion in scenario.motions)


def test_counts_are_those_of_a_recount_of_the_boxes(films):
    """No object crosses twice, so the sides of its first and last boxes tell whether it crossed."""
    for name in NAMES:
        known = json.loads((films / name / "gt" / "counts.json").read_text())
        assert known["line"] == [WIDTH / 2, 0, WIDTH / 2, HEIGHT]
        rows = truth(films / name)
        counted = {CLASSES[int(label) - 1]: {"left_to_right": 0, "right_to_left": 0} for label in rows[:, 7]}
        for who in np.unique(rows[:, 1]):
            own = rows[rows[:, 1] == who]
            first, last = centers(own)[[0, -1], 0] > WIDTH / 2
            if first != last:
                counted[CLASSES[int(own[0, 7]) - 1]]["left_to_right" if last else "right_to_left"] += 1
        assert known["classes"] == counted
        assert sum(sum(directions.values()) for directions in counted.values()) >= 2


def test_an_object_that_turns_back_is_counted_in_both_directions():
    x = np.array([10, 40, 49, 51, 49, 52, 60, 51, 49, 51, 70, 40, 49, 51, 49])
    motion = Motion("key", np.stack([x, np.zeros(len(x))], axis=1), np.ones(len(x)), np.zeros(len(x)))
    assert count_crossings([motion], 100) == {"key": {"left_to_right": 1, "right_to_left": 1}}


def test_the_video_has_the_frames_of_the_images(films):
    for name in NAMES:
        video = cv2.VideoCapture(str(films / name / f"{name}.mp4"))
        assert video.get(cv2.CAP_PROP_FPS) == 25
        shown = []
        while (read := video.read())[0]:
            shown.append(read[1])
        video.release()
        assert len(shown) == FRAMES
        still = cv2.imread(str(films / name / "img1" / f"{FRAMES:06}.jpg"))
        assert np.abs(shown[-1].astype(int) - still).mean() < 8


def test_the_same_seed_makes_the_same_files(tmp_path):
    made = [
        make_film(tmp_path / name, seed=seed, sequences=2, frames=10, size=64)
        for name, seed in [("a", 5), ("b", 5), ("c", 6)]
    ]
    files = [[path for path in sorted(folder.rglob("*.*")) if path.name != MARKER] for folder in made]
    contents = [[path.read_bytes() for path in paths] for paths in files]
    assert len(files[0]) == 2 * (10 + 5)
    assert contents[0] == contents[1] != contents[2]


def test_situations_begin_again_after_the_last(tmp_path):
    calls = []
    folder = make_film(
        tmp_path / "films", sequences=7, frames=10, size=65, rate=5, progress=lambda *numbers: calls.append(numbers)
    )
    assert calls == [(number, 7) for number in range(1, 8)]
    assert (folder / "07-crossing" / "07-crossing.mp4").exists()
    assert "imWidth=64\nimHeight=48\n" in (folder / "07-crossing" / "seqinfo.ini").read_text()
    first, again = (truth(folder / name) for name in ("01-crossing", "07-crossing"))
    assert not np.array_equal(first[:, 2:6], again[:, 2:6])


@pytest.mark.parametrize(("field", "value"), [("sequences", 0), ("frames", 9), ("size", 63), ("rate", 0)])
def test_numbers_that_are_too_small_are_refused(tmp_path, field, value):
    with pytest.raises(BadInput, match=rf"^{field}: {value} is too small; give at least {value + 1}$"):
        make_film(tmp_path / "films", **{field: value})
    assert not (tmp_path / "films").exists()


def test_only_sample_videos_are_replaced(tmp_path):
    folder = make_sample(tmp_path / "images", images=10, size=64)
    with pytest.raises(BadInput, match="is not empty, and holds no sample videos of Multibox"):
        make_film(folder, replace=True)
    film = make_film(tmp_path / "films", sequences=1, frames=10, size=64)
    make_film(film, sequences=1, frames=11, size=64)
    (film / "01-crossing" / "labels.txt").write_text("mine")
    with pytest.raises(BadInput, match="was changed since Multibox wrote it"):
        make_film(film, sequences=1, frames=10, size=64)
    assert len([*make_film(film, sequences=1, frames=10, size=64, replace=True).glob("*/img1/*")]) == 10
