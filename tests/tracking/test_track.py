"""Tracking in video files, with a detector that finds colours."""

import json
from itertools import pairwise

import cv2
import numpy as np
import pytest

import multibox
from colored import ColorRuntime, paint
from multibox.boxes import iou
from multibox.detect.detector import Detector
from multibox.errors import BadInput
from multibox.predict.chosen import Chosen
from multibox.predict.frames import Frame
from multibox.predict.hidden import Hidden
from multibox.regions import parse_points
from multibox.tracking.films import find_films
from multibox.tracking.tracker import TrackSettings
from videos import cut_off, damage

SIZE = (120, 180)
FRAMES = 30


def scene(n):
    """Red goes to the right, blue to the left, and green stands."""
    boxes = {
        "red": (4 * n, 10, 4 * n + 30, 40),
        "blue": (150 - 4 * n, 50, 180 - 4 * n, 80),
        "green": (80, 84, 112, 116),
    }
    visible = {name: (max(x0, 0), y0, min(x1, 180), y1) for name, (x0, y0, x1, y1) in boxes.items()}
    return {name: box for name, box in visible.items() if box[2] - box[0] > 8}


def write_film(path, frames=FRAMES, codec="MJPG", rate=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, SIZE[::-1])
    for n in range(frames):
        writer.write(paint(SIZE, scene(n))[..., ::-1])
    writer.release()
    return path


def write_folder(folder, names):
    folder.mkdir(parents=True)
    for n, name in enumerate(names):
        cv2.imwrite(str(folder / name), paint(SIZE, scene(n))[..., ::-1])
    return folder


@pytest.fixture
def detector():
    return Detector(ColorRuntime())


def ids_by_color(frames):
    """Ids that each colour has had."""
    found = {}
    for frame in frames:
        for track, name in zip(frame.ids.tolist(), frame.detections.names, strict=True):
            found.setdefault(name, set()).add(track)
    return found


def test_objects_of_a_film_keep_their_ids(tmp_path, detector):
    frames = list(multibox.track(detector, write_film(tmp_path / "film.avi")))
    assert [frame.number for frame in frames] == list(range(FRAMES))
    found = ids_by_color(frames)
    assert sorted(found) == ["blue", "green", "red"]
    assert all(len(ids) == 1 for ids in found.values())
    for n, frame in enumerate(frames):
        truth = np.array([scene(n)[name] for name in frame.detections.names])
        assert (np.diag(iou(frame.detections.boxes, truth)) > 0.8).all()


def test_lines_and_zones_are_counted(tmp_path, detector):
    film = write_film(tmp_path / "film.avi")
    *_, last = multibox.track(
        detector, film, lines={"middle": (0.5, 0, 0.5, 1)}, zones={"yard": (60, 0, 120, 0, 120, 120, 60, 120)}
    )
    assert last.counts["middle"] == {"in": {"blue": 1}, "out": {"red": 1}}
    assert last.counts["yard"]["entered"] == {"green": 1, "red": 1, "blue": 1}
    assert last.counts["yard"]["inside"].total() == 1  # green


def test_a_damaged_frame_is_said_and_passed_over(tmp_path, detector):
    film = damage(write_film(tmp_path / "film.avi"), 12, 13)
    frames = list(multibox.track(detector, film))
    assert [frame.number for frame in frames if frame.error] == [12, 13]
    assert "frame 12 cannot be decoded" in frames[12].error
    assert all(len(ids) == 1 for ids in ids_by_color(frame for frame in frames if not frame.error).values())


def test_a_film_that_is_cut_off_ends_with_an_error(tmp_path, detector):
    frames = list(multibox.track(detector, cut_off(write_film(tmp_path / "film.avi"), 20)))
    assert "cut off" in frames[-1].error
    assert len(ids_by_color(frames[:-1])["red"]) == 1


@pytest.mark.parametrize("every", [2, 5])
def test_every_nth_frame(tmp_path, detector, every):
    frames = list(multibox.track(detector, write_film(tmp_path / "film.avi"), every=every))
    assert [frame.number for frame in frames] == list(range(0, FRAMES, every))
    assert [b.seconds - a.seconds for a, b in pairwise(frames)] == pytest.approx([every / 10] * (len(frames) - 1))
    assert all(len(ids) == 1 for ids in ids_by_color(frames).values())


def test_a_folder_of_frames_is_a_film(tmp_path, detector, caplog):
    caplog.set_level("INFO")
    folder = write_folder(tmp_path / "walk", [f"frame{n}.png" for n in range(12)])
    frames = list(multibox.track(detector, folder))
    assert [frame.number for frame in frames] == list(range(12))
    assert "12 images are taken as frames, frame0.png to frame11.png, at 25 frames per second" in caplog.text
    assert frames[-1].seconds == pytest.approx(11 / 25)
    assert all(len(ids) == 1 for ids in ids_by_color(frames).values())


def test_the_rate_of_a_folder_of_frames(tmp_path, detector, caplog):
    caplog.set_level("INFO")
    write_folder(tmp_path / "01-walk" / "img1", [f"{n:06}.jpg" for n in range(6)])
    (tmp_path / "01-walk" / "seqinfo.ini").write_text("[Sequence]\nname=01-walk\nframeRate=5\n")
    for folder in (tmp_path / "01-walk", tmp_path / "01-walk" / "img1"):
        assert [frame.seconds for frame in multibox.track(detector, folder)] == pytest.approx(
            [0, 0.2, 0.4, 0.6, 0.8, 1]
        )
    assert "taken as frames" not in caplog.text
    assert [frame.seconds for frame in multibox.track(detector, folder, rate=2)][1] == 0.5


def test_an_unreadable_image_of_a_folder_is_said(tmp_path, detector):
    folder = write_folder(tmp_path / "walk", [f"{n}.png" for n in range(8)])
    (folder / "3.png").write_bytes(b"no image")
    frames = list(multibox.track(detector, folder))
    assert [frame.number for frame in frames if frame.error] == [3]
    assert [frame.number for frame in frames] == list(range(8))


def test_ids_begin_anew_in_each_film(tmp_path, detector):
    films = find_films([write_film(tmp_path / "a.avi"), write_film(tmp_path / "b.avi")])
    found = {source: ids_by_color(f for f in multibox.track(detector, films) if f.source == source) for source in films}
    assert found[films[0]] == found[films[1]]


def test_a_folder_of_films_stands_for_the_films(tmp_path):
    write_film(tmp_path / "a.avi", 2)
    write_film(tmp_path / "b.avi", 2)
    cv2.imwrite(str(tmp_path / "cover.png"), paint(SIZE, {}))
    assert [source.stem for source in find_films([tmp_path])] == ["a", "b"]


def test_an_image_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), paint(SIZE, {}))
    with pytest.raises(BadInput, match=r"a\.png: is an image; give a video"):
        find_films([tmp_path / "a.png"])


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ({"lines": {"a": (0, 0, 1)}}, "lines: .*has 3 numbers"),
        ({"zones": {"a": (0, 0, 1, 1)}}, "zones: .*has 4 numbers"),
        ({"lines": {"a": (0, 0, 1, 1)}, "zones": {"a": (0, 0, 1, 1, 0, 1)}}, "zones: two are called a"),
    ],
)
def test_wrong_places_are_refused(tmp_path, detector, places, said):
    with pytest.raises(BadInput, match=said):
        next(multibox.track(detector, write_film(tmp_path / "film.avi", 2), **places))


def test_json_holds_what_the_objects_hold(tmp_path, detector):
    film = write_film(tmp_path / "film.avi")
    for frame in multibox.track(detector, film, lines={"middle": (0.5, 0, 0.5, 1)}):
        row = json.loads(json.dumps(frame.to_json()))
        assert [each["id"] for each in row["detections"]] == frame.ids.tolist()
        assert [each["carried"] for each in row["detections"]] == frame.carried.tolist()
        assert len(row.get("events", [])) == len(frame.events)


def test_a_frame_is_drawn_with_ids_tails_and_places(tmp_path, detector):
    film = write_film(tmp_path / "film.avi")
    frames = list(multibox.track(detector, film, lines={"middle": (0.5, 0, 0.5, 1)}))
    image, drawn = frames[20].detections.image, frames[20].draw()
    assert drawn.shape == image.shape
    column = np.abs(drawn.astype(int) - image)[:, 90].sum(axis=1)
    assert (column > 100).mean() > 0.6  # the line from top to bottom
    assert [len(tail) for tail in frames[20].tails] == [11] * 3  # a second at 10 frames per second
    without = list(multibox.track(detector, film, keep=False))
    assert all(frame.detections.image is None for frame in without)
    with pytest.raises(BadInput, match="did not keep their image"):
        without[0].draw()


class Flickering(ColorRuntime):
    """Sees nothing in every fourth frame."""

    frames = 0

    def answer(self, images):
        logits, deltas = super().answer(images)
        for i in range(len(images)):
            if (self.frames + i) % 4 == 3:
                logits[i, :, 0], logits[i, :, 1:] = 20, 0
        self.frames += len(images)
        return logits, deltas


def test_a_film_that_flickers_is_tracked_through(tmp_path):
    film = write_film(tmp_path / "film.avi")
    frames = list(multibox.track(Detector(Flickering()), film))
    assert all(len(ids) == 1 for ids in ids_by_color(frames).values())
    assert [frame.carried.all() for frame in frames[3::4]] == [True] * len(frames[3::4])
    frames = list(multibox.track(Detector(Flickering()), film, settings=TrackSettings(carry=0)))
    assert [len(frame.ids) for frame in frames[3::4]] == [0] * len(frames[3::4])


@pytest.mark.parametrize("hide", [Hidden(blur=("red",)), Hidden(pixelate=("red",))])
def test_what_is_hidden_stays_hidden_where_it_is_missed(tmp_path, hide):
    """Red carries a pattern of black stripes, which must not show in any frame, whatever is followed."""
    film, stripes = tmp_path / "film.avi", np.zeros((30, 30), bool)
    stripes[:, ::6] = stripes[:, 1::6] = True
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE[::-1])
    for n in range(24):
        image = paint(SIZE, scene(n))
        image[10:40, 4 * n : 4 * n + 30][stripes] = 0
        writer.write(image[..., ::-1])
    writer.release()
    for only in (None, Chosen(("blue",))):
        frames = list(multibox.track(Detector(Flickering()), film, hide=hide, only=only))
        for n, frame in enumerate(frames):
            part = frame.detections.image[12:38, 4 * n + 2 : 4 * n + 28].astype(int)
            assert np.abs(np.diff(part.sum(axis=2), axis=1)).max() < 200, n
            assert frame.hidden >= 1
            if only:
                assert set(frame.detections.names) <= {"blue"}
    plain = next(multibox.track(Detector(Flickering()), film)).detections.image
    assert np.abs(np.diff(plain[12:38, 2:28].astype(int).sum(axis=2), axis=1)).max() > 200


def test_only_some_classes_and_places_are_followed(tmp_path, detector):
    film = write_film(tmp_path / "film.avi")
    assert sorted(ids_by_color(multibox.track(detector, film, only=Chosen(("red", "green"))))) == ["green", "red"]
    below = Chosen(regions=(parse_points("0,0.5,1,0.5,1,1,0,1", "regions"),))
    assert sorted(ids_by_color(multibox.track(detector, film, only=below))) == ["blue", "green"]
    with pytest.raises(BadInput, match="classes: "):
        next(multibox.track(detector, film, only=Chosen(("purple",))))


def test_hiding_changes_no_id(tmp_path):
    """Red and blue stand close together and are told apart by their colours, which must be those before hiding."""
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, SIZE[::-1])
    for n in range(30):
        x = 20 + 5 * min(n, 29 - n)
        writer.write(paint(SIZE, {"red": (x, 40, x + 30, 70), "blue": (150 - x, 44, 180 - x, 74)})[..., ::-1])
    writer.release()
    plain, hidden = (
        list(multibox.track(Detector(Flickering()), film, hide=hide)) for hide in (None, Hidden(blur=("all",)))
    )
    assert [frame.ids.tolist() for frame in plain] == [frame.ids.tolist() for frame in hidden]
    assert all(frame.original is None for frame in (*plain, *hidden))


def test_frames_of_another_size_are_resized_to_the_first(tmp_path, detector, caplog):
    """The green object stands at the line, also in frames that are twice as large."""
    caplog.set_level("INFO")
    folder = write_folder(tmp_path / "walk", [f"{n}.png" for n in range(12)])
    for n in range(6, 12):
        image = cv2.imread(str(folder / f"{n}.png"))
        cv2.imwrite(str(folder / f"{n}.png"), cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))
    frames = list(multibox.track(detector, folder, lines={"middle": (110, 0, 110, 120)}))
    assert {frame.detections.image_size for frame in frames} == {SIZE}
    assert all(len(ids) == 1 for ids in ids_by_color(frames).values())
    assert sum(names.total() for names in frames[-1].counts["middle"].values()) == 0
    (said,) = [record.message for record in caplog.records if "resized" in record.message]
    assert "frame 6 has 360x240 pixels, and the first has 180x120" in said


def test_unreadable_images_at_the_end_of_a_folder_are_said(tmp_path, detector, caplog):
    folder = write_folder(tmp_path / "walk", [f"{n}.png" for n in range(8)])
    for n in (6, 7):
        (folder / f"{n}.png").write_bytes(b"no image")
    frames = list(multibox.track(detector, folder))
    assert (frames[-1].number, frames[-1].frames) == (6, 2)
    assert "2 frames from frame 6 on are missing; its images cannot be read" in frames[-1].error
    assert "7.png: not an image" in caplog.text


def test_any_names_of_frames_have_an_order(tmp_path, detector):
    names = ["²", "³", "¹", "٣", "a", "b", "10", "9", "x1y2", "x1y10"]
    folder = write_folder(tmp_path / "walk", [f"{name}.png" for name in names])
    assert len(list(multibox.track(detector, folder))) == len(names)


@pytest.mark.parametrize("text", ["abc", "0", "-5", "29,97", "1e-9", "nan"])
def test_a_rate_that_cannot_be_is_said(tmp_path, detector, caplog, text):
    caplog.set_level("INFO")
    folder = write_folder(tmp_path / "walk", ["0.png", "1.png"])
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nframeRate={text}\n")
    assert [frame.rate for frame in multibox.track(detector, folder)] == [25, 25]
    assert f"seqinfo.ini: frameRate {text} is not a number from 0.01 to 1000" in caplog.text
    assert "at 25 frames per second; set rate if that is wrong" in caplog.text


def test_a_declared_rate_of_25_is_no_guess(tmp_path, detector, caplog):
    caplog.set_level("INFO")
    folder = write_folder(tmp_path / "walk", ["0.png", "1.png"])
    (folder / "seqinfo.ini").write_text("\ufeff[Sequence]\nframeRate=25\n", "utf-8")
    assert [frame.rate for frame in multibox.track(detector, folder)] == [25, 25]
    assert not caplog.records


def test_a_folder_of_sequences_stands_for_the_sequences(tmp_path):
    for name in ("b", "a"):
        write_folder(tmp_path / name / "img1", ["1.png"])
    assert [source.stem for source in find_films([tmp_path])] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every": 0}, "every: 0 is not"),
        ({"batch": 0}, "batch: 0 is not"),
        ({"rate": float("nan")}, "rate: nan is not"),
        ({"anchor": "middle"}, "anchor: middle is not one of center, bottom"),
        ({"lines": "0,0,1,1"}, "lines: '0,0,1,1' is a text"),
    ],
)
def test_wrong_arguments_are_refused_at_once(tmp_path, detector, options, said):
    with pytest.raises(BadInput, match=said):
        multibox.track(detector, write_film(tmp_path / "film.avi", 2), **options)


@pytest.mark.parametrize("wrong", [{"memory": float("nan")}, {"weak": 2}, {"carry": -1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(BadInput, match=f"{next(iter(wrong))}: "):
        TrackSettings(**wrong)


def test_several_films_may_be_given_by_their_paths(tmp_path, detector):
    paths = [write_film(tmp_path / "a.avi", 2), str(write_film(tmp_path / "b.avi", 3))]
    assert [frame.source.stem for frame in multibox.track(detector, paths)] == [*"aa", *"bbb"]


def test_a_film_whose_rate_changes_is_followed_by_its_clock(tmp_path, detector, monkeypatch):
    """From the tenth frame on, frames come five times as rarely, and objects move as much more between them."""
    times = [*np.arange(10) * 0.04, *(0.4 + np.arange(8) * 0.2)]

    def read(source, **options):
        for number, time in enumerate(times):
            image = paint((120, 600), {"red": (x := round(10 + 250 * time), 20, x + 60, 80)})
            yield Frame(source, image, number=number, rate=25, seconds=time)

    monkeypatch.setattr("multibox.tracking.track.read_film", read)
    frames = list(multibox.track(detector, write_film(tmp_path / "film.avi", 2)))
    assert [frame.ids.tolist() for frame in frames] == [[1]] * len(times)
    assert [frame.seconds for frame in frames] == times


def test_a_zone_that_was_drawn_for_another_size_is_said(tmp_path, detector, caplog):
    film = write_film(tmp_path / "film.avi", 3)
    list(multibox.track(detector, film, zones={"yard": (0, 0, 400, 0, 400, 90), "all": (0, 0, 1, 0, 1, 1, 0, 1)}))
    (said,) = [record.message for record in caplog.records]
    assert "yard reaches beyond the image of 180x120 pixels" in said
