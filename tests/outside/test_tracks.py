"""The figures of tracks: hand-computed cases, and the same numbers as TrackEval finds when it reads the same files."""

import json
from math import sqrt

import numpy as np
import pytest

from multibox.detect.detections import Detections
from multibox.predict.sources import Source
from multibox.tracking.frame import TrackedFrame
from multibox.tracking.outputs import mot_rows

pytestmark = pytest.mark.outside

FRAMES = range(1, 11)
OTHER = 8
"""Class of boxes in the truth that are neither right nor wrong: MOT Challenge's distractor."""


def true_row(frame, track, left=None, *, score=1, label=1, visibility=1.0):
    left = 100 * track + 2 * frame if left is None else left
    return f"{frame},{track},{left},20,40,80,{score},{label},{visibility}"


def found_row(frame, track, left, *, label=1):
    """The line that `multibox track` writes for a box of 40 x 80 pixels."""
    boxes = np.array([[left - 1, 19, left + 39, 99]], np.float32)
    classes = tuple(map(str, range(9)))
    found = Detections(boxes, np.array([0.6], np.float32), np.array([label - 1]), classes, (480, 4000))
    tracked = TrackedFrame(Source("a.mp4", "video"), found, number=frame - 1, ids=np.array([track]))
    return mot_rows(tracked).rstrip()


@pytest.fixture
def judge(tmp_path, outside):
    """Judge sequences, each given as its rows of the truth and its rows of the predictions."""

    def judge(sequences, **options):
        for name, (truth, found) in sequences.items():
            for path, rows in [(f"truth/{name}/gt/gt.txt", truth), (f"trackers/ours/data/{name}.txt", found)]:
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_text("".join(row + "\n" for row in rows))
            frames = max(int(row.partition(",")[0]) for row in [*truth, *found])
            (tmp_path / f"truth/{name}/seqinfo.ini").write_text(f"[Sequence]\nname={name}\nseqLength={frames}\n")
        folders = tmp_path / "truth", tmp_path / "trackers", "ours"
        return outside("trackeval", "judge_tracks.py", *folders, json.dumps(options))

    return judge


def approximately(**figures):
    return pytest.approx(figures, abs=1e-9)


def only(figures, names):
    return {name: figures[name] for name in names}


def test_tracks_that_equal_the_truth_are_perfect(judge):
    truth = [true_row(frame, track) for frame in FRAMES for track in (1, 2)]
    found = [found_row(frame, 50 - track, 100 * track + 2 * frame, label=track) for frame in FRAMES for track in (1, 2)]
    combined = judge({"a": (truth, found)})["ours"]["combined"]
    expected = dict.fromkeys(("hota", "deta", "assa", "idf1", "mota"), 1.0)
    expected |= dict.fromkeys(("id_switches", "fragmentations", "misses", "false_positives"), 0)
    assert combined == approximately(**expected, true_boxes=20, boxes=20, true_tracks=2, tracks=2)


def test_a_switch_and_a_miss_by_hand(judge):
    truth = [true_row(frame, 1) for frame in FRAMES]
    switched = [found_row(frame, 1 if frame <= 6 else 2, 100 + 2 * frame) for frame in FRAMES]
    missed = [found_row(frame, 1, 100 + 2 * frame) for frame in FRAMES if frame < 10]
    found = judge({"missed": (truth, missed), "switched": (truth, switched)})["ours"]["sequences"]

    # 6 boxes of a track that agrees in 6 of 10 frames, 4 of one that agrees in 4 of 10
    expected = {"deta": 1.0, "assa": 0.6 * 0.6 + 0.4 * 0.4, "hota": sqrt(0.52), "idf1": 0.6, "mota": 0.9}
    expected |= {"id_switches": 1, "misses": 0, "tracks": 2}
    assert only(found["switched"], expected) == approximately(**expected)

    expected = {"deta": 0.9, "assa": 0.9, "hota": 0.9, "idf1": 9 / 9.5, "mota": 0.9, "id_switches": 0, "misses": 1}
    assert only(found["missed"], expected) == approximately(**expected)


def test_what_is_ignored_is_neither_missed_nor_a_false_positive(judge):
    truth = [true_row(frame, 1) for frame in FRAMES]
    truth += [true_row(frame, 2, score=0) for frame in FRAMES] + [
        true_row(frame, 3, visibility=0.2) for frame in FRAMES
    ]
    found = [found_row(frame, track, 100 * track + 2 * frame) for frame in FRAMES for track in (1, 2, 3)]
    told = judge({"a": (truth, found)}, min_visibility=0.25)["ours"]
    assert told["ignored"] == 20
    assert only(told["combined"], ("mota", "boxes", "true_boxes")) == approximately(mota=1.0, boxes=10, true_boxes=10)
    # with a visibility that is judged, the third is an object as any other
    told = judge({"a": (truth, found)})["ours"]
    assert (told["ignored"], told["combined"]["true_boxes"], told["combined"]["boxes"]) == (10, 20, 20)


def test_an_ignored_box_takes_no_prediction_from_a_judged_one(judge):
    """The judged box overlaps better, so the prediction is its own."""
    truth = [true_row(1, 1, 100), true_row(1, 2, 108, score=0)]
    told = judge({"a": (truth, [found_row(1, 1, 101)])})["ours"]["combined"]
    assert only(told, ("boxes", "misses", "false_positives")) == {"boxes": 1, "misses": 0, "false_positives": 0}


def test_classes_apart_and_together(judge):
    """The second object is found with the wrong class: right for all classes together, wrong for each alone."""
    truth = [true_row(frame, track, label=track) for frame in FRAMES for track in (1, 2)]
    found = [found_row(frame, track, 100 * track + 2 * frame) for frame in FRAMES for track in (1, 2)]
    told = judge({"a": (truth, found)}, per_class=True)["ours"]
    assert told["combined"]["mota"] == 1
    assert {label: (row["false_positives"], row["misses"]) for label, row in told["classes"].items()} == {
        "1": (10, 0),
        "2": (0, 10),
    }


def test_no_truth_has_no_figures_and_no_predictions_have_the_worst(judge):
    rows = [true_row(frame, 1) for frame in FRAMES]
    told = judge({"empty": ([], [found_row(1, 1, 100)]), "unseen": (rows, [])})["ours"]
    assert told["sequences"]["empty"]["hota"] is None
    assert told["sequences"]["empty"]["false_positives"] == 1
    expected = {"hota": 0, "idf1": 0, "mota": 0, "misses": 10}
    assert only(told["sequences"]["unseen"], expected) == expected
    assert told["combined"]["mota"] == pytest.approx(-0.1)


def noisy(seed):
    """A sequence of twelve objects, some of them distractors, which a tracker finds in part and confuses at times."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for track in range(1, 13):
        left, speed, label = rng.uniform(0, 600), rng.uniform(-4, 4), OTHER if track > 10 else 1
        first, last = sorted(rng.integers(1, 60, 2))
        number = track
        for frame in range(first, last + 1):
            edge = left + speed * frame
            truth.append(true_row(frame, track, round(edge, 2), score=int(label == 1), label=label))
            if rng.random() < 0.03:
                number += 100
            if rng.random() < 0.8:
                found.append(found_row(frame, number, round(edge + rng.normal(0, 6), 2)))
    found += [found_row(frame, 5000 + frame, round(rng.uniform(0, 600), 2)) for frame in range(1, 60, 4)]
    return truth, found


def test_trackeval_reads_our_files_and_finds_the_same(judge, note):
    told = judge({f"noisy-{seed}": noisy(seed) for seed in range(4)}, theirs=True)
    ours = told["ours"]["sequences"] | {"combined": told["ours"]["combined"]}
    assert told["theirs"].keys() == ours.keys()
    for name, theirs in told["theirs"].items():
        assert 0.2 < theirs["hota"] < 0.9, "not a case that tells much"
        assert only(ours[name], theirs) == approximately(**theirs)
    assert told["ours"]["ignored"] > 0
    note("trackeval", told["version"], "MOT", "4 sequences; HOTA, IDF1, MOTA, counts", "figures equal")
