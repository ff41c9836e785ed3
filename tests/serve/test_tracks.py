"""``/v1/tracks`` gives each object its id, session by session, and counts what crosses lines and enters zones."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from colored import make_schema, paint
from multibox.config import Detect
from multibox.detect.detections import Detections
from multibox.detect.load import load
from multibox.serve import sessions as sessions_module
from multibox.serve.refused import Refused
from multibox.serve.sessions import IDLE, Sessions
from multibox.serve.settings import Settings
from multibox.tracking.places import parse_line, parse_zone
from multibox.tracking.tracker import Tracker
from served import assert_refused, client_of, encode
from tiny_onnx import write_tiny_onnx

PLACES = (parse_line("gate:0.5,0,0.5,1"), parse_zone("yard:0,0,0.25,0,0.25,1,0,1"))


def frame(**objects):
    """A video's frame with rectangles whose left edges are given."""
    return encode(paint((300, 400), {name: (x, 100, x + 80, 180) for name, x in objects.items()}))


def send(client, name, encoded, **fields):
    return client.post(f"/v1/tracks/{name}", files={"image": ("a.png", encoded)}, data=fields)


def tracked(client, name, encoded, **fields):
    answer = send(client, name, encoded, **fields)
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return result


def ids(result):
    return {one["name"]: one["id"] for one in result["detections"]}


def figures(client):
    """The value of each of the server's figures, by name and values of its labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    labels = ("line", "zone", "direction", "class")
    return {
        (one.name, *(one.labels[label] for label in labels if label in one.labels)): one.value
        for family in families
        for one in family.samples
    }


@pytest.fixture
def counting():
    """A client of a server that counts."""
    with client_of(Settings(places=PLACES)) as client:
        yield client


def test_an_object_keeps_its_id_and_a_new_one_gets_the_next(colors):
    for i, x in enumerate((10, 30, 50)):
        result = tracked(colors, "walk", frame(red=x), seconds=i / 10)
        assert ids(result) == {"red": 1}
        assert (result["width"], result["height"], result["seconds"]) == (400, 300, i / 10)
    for i in (3, 4):
        result = tracked(colors, "walk", frame(red=70, blue=300), seconds=i / 10)
    assert ids(result) == {"red": 1, "blue": 2}
    (red,) = [one for one in result["detections"] if one["name"] == "red"]
    assert set(red) == {"label", "name", "score", "box", "id", "carried"}
    assert np.allclose(red["box"], (70, 100, 150, 180), atol=4)
    assert not red["carried"]
    result = tracked(colors, "walk", frame(blue=300), seconds=0.5)
    assert {one["name"]: one["carried"] for one in result["detections"]} == {"red": True, "blue": False}


def test_the_answer_is_that_of_detect_with_more(colors):
    answer = send(colors, "shape", frame(red=10)).json()
    assert set(answer) == {"model", "results", "timings_ms"}
    assert set(answer["timings_ms"]) == {"decode", "queue", "network", "total"}
    assert answer["results"][0]["events"] == []
    assert answer["results"][0]["counts"] == {}
    assert answer["results"][0]["seconds"] == 0


def test_sessions_do_not_mix(colors):
    tracked(colors, "one", frame(red=10, blue=200), seconds=0)
    assert ids(tracked(colors, "two", frame(blue=200), seconds=5)) == {"blue": 1}
    assert ids(tracked(colors, "one", frame(red=12, blue=200), seconds=0.1)) != {"blue": 1}
    assert ids(tracked(colors, "two", frame(blue=202), seconds=5.1)) == {"blue": 1}


def test_without_times_the_servers_clock_counts(colors):
    first, second = (tracked(colors, "clock", frame(red=x)) for x in (10, 12))
    assert first["seconds"] == 0
    assert 0 < second["seconds"] < 10
    assert ids(second) == {"red": 1}
    assert tracked(colors, "clock", frame(red=14), seconds=100)["seconds"] == 100
    assert 100 < tracked(colors, "clock", frame(red=14))["seconds"] < 110


def test_a_frame_from_before_is_refused_and_changes_nothing(colors):
    tracked(colors, "back", frame(red=10), seconds=1)
    for seconds in (1, 0.5):
        assert_refused(send(colors, "back", frame(red=300), seconds=seconds), 409, "not-in-order")
    assert ids(tracked(colors, "back", frame(red=12), seconds=1.1)) == {"red": 1}


def test_a_frame_that_is_no_image_leaves_the_session_intact(colors):
    tracked(colors, "broken", frame(red=10), seconds=0)
    before = figures(colors)["multibox_track_sessions",]
    assert_refused(send(colors, "broken", b"no image", seconds=0.1), 415, "not-an-image", 0)
    assert_refused(send(colors, "never-begun", b"no image"), 415, "not-an-image", 0)
    assert figures(colors)["multibox_track_sessions",] == before
    assert ids(tracked(colors, "broken", frame(red=12), seconds=0.1)) == {"red": 1}


@pytest.mark.parametrize("name", ["-x", ".x", "a b", "a" * 65, "ä", "a%0A", "a;b"])
def test_bad_names_are_refused(colors, name):
    assert_refused(send(colors, name, frame(red=10)), 422, "bad-field")
    assert_refused(colors.delete(f"/v1/tracks/{name}"), 422, "bad-field")


@pytest.mark.parametrize("field", ["score", "nms_iou", "seconds"])
@pytest.mark.parametrize("value", ["x", "nan", "-1", "1e99"])
def test_numbers_that_do_not_fit(colors, field, value):
    answer = send(colors, "numbers", frame(red=10), **{field: value})
    assert_refused(answer, 422, "bad-field")
    assert field in answer.json()["error"]["message"]


def test_a_request_has_one_frame(colors):
    two = [("image", ("a.png", frame(red=10))), ("image", ("b.png", frame(red=20)))]
    assert_refused(colors.post("/v1/tracks/many", files=two), 422, "bad-field")
    assert_refused(colors.post("/v1/tracks/many", files=[("images", two[0][1])]), 422, "bad-field")


def test_a_score_holds_for_the_whole_session(colors):
    assert ids(tracked(colors, "score", frame(red=10), score=0.5)) == {"red": 1}
    assert_refused(send(colors, "score", frame(red=10), score=0.6), 409, "other-score")
    assert tracked(colors, "high", frame(red=10), score=1)["detections"] == []


def test_the_end_of_a_session_forgets_its_objects(colors):
    tracked(colors, "end", frame(red=10, blue=200), seconds=5)
    assert colors.delete("/v1/tracks/end").json() == {"ended": True}
    assert ids(tracked(colors, "end", frame(blue=200), seconds=0)) == {"blue": 1}
    assert colors.delete("/v1/tracks/not-there").json() == {"ended": False}


def test_requests_at_once_are_handled_one_after_the_other(colors):
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(tracked, colors, "crowd", frame(red=10)) for _ in range(16)]
        results = [future.result() for future in futures]
    assert all(ids(result) == {"red": 1} for result in results)
    assert len({result["seconds"] for result in results}) == 16


def test_crossings_and_visits_are_counted(counting):
    for i, x in enumerate(range(5, 310, 30)):
        result = tracked(counting, "walk", frame(red=x), seconds=i / 10)
        if result["events"]:
            assert result["events"][0]["id"] == 1
    assert result["counts"]["gate"] == {"in": {}, "out": {"red": 1}}
    assert result["counts"]["yard"] == {"inside": {"red": 0}, "entered": {"red": 1}, "left": {"red": 1}}
    tracked(counting, "other", frame(blue=10))
    said = figures(counting)
    assert said["multibox_line_crossings_total", "gate", "out", "red"] == 1
    assert said["multibox_zone_entries_total", "yard", "red"] == 1
    assert said["multibox_zone_exits_total", "yard", "red"] == 1
    assert said["multibox_zone_inside", "yard", "red"] == 0
    assert said["multibox_zone_inside", "yard", "blue"] == 1
    assert said["multibox_track_sessions",] == 2
    counting.delete("/v1/tracks/other")
    said = figures(counting)
    assert said["multibox_zone_exits_total", "yard", "blue"] == 1
    assert said["multibox_zone_inside", "yard", "blue"] == 0


def test_an_idle_session_is_no_longer_in_the_figures(counting, monkeypatch):
    tracked(counting, "idle", frame(blue=10))
    monkeypatch.setattr(sessions_module, "IDLE", 0.0)
    said = figures(counting)
    assert said["multibox_track_sessions",] == 0
    assert said["multibox_zone_inside", "yard", "blue"] == 0


def test_the_model_names_its_lines_and_zones(counting, colors):
    assert counting.get("/v1/model").json()["places"] == [
        {"kind": "line", "name": "gate", "points": [[0.5, 0], [0.5, 1]], "in_parts": True},
        {"kind": "zone", "name": "yard", "points": [[0, 0], [0.25, 0], [0.25, 1], [0, 1]], "in_parts": True},
    ]
    assert colors.get("/v1/model").json()["places"] == []


def test_there_are_only_so_many_sessions(monkeypatch):
    monkeypatch.setattr(sessions_module, "SESSIONS", 2)
    with client_of() as client:
        tracked(client, "one", frame(red=10))
        tracked(client, "two", frame(red=10))
        refused = send(client, "three", frame(red=10))
        assert_refused(refused, 503, "too-many-sessions")
        assert 1 <= int(refused.headers["retry-after"]) <= IDLE
        tracked(client, "one", frame(red=10))
        client.delete("/v1/tracks/two")
        tracked(client, "three", frame(red=10))


def test_a_session_with_too_many_objects_ends(monkeypatch):
    monkeypatch.setattr(sessions_module, "OBJECTS", 1)
    with client_of() as client:
        tracked(client, "few", frame(red=10))
        assert_refused(send(client, "many", frame(red=10, blue=200)), 422, "too-many-objects")
        assert figures(client)["multibox_track_sessions",] == 1


def test_a_file_that_suppresses_by_itself(tmp_path):
    onnx = pytest.importorskip("onnx")
    from multibox.export.onnx_detections import add_detections

    schema = make_schema(detect=Detect(score=0.3))
    plain = write_tiny_onnx(tmp_path / "tiny.onnx", schema)
    onnx.save(add_detections(onnx.load(plain), schema), tmp_path / "nms.onnx")
    detector = load(tmp_path / "nms.onnx")
    assert detector.config.score == 0.3
    with client_of(detector=detector) as client:
        assert tracked(client, "nms", frame(red=10))["detections"]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


SHOWN = np.full(3, 0.4)


def found(*boxes):
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(count, 0.9, np.float32),
        np.zeros(count, np.int64),
        ("red", "green", "blue"),
        (300, 400),
        np.zeros((300, 400, 3), np.uint8),
    )


def test_a_session_ends_when_it_was_idle():
    clock, events = Clock(), []
    sessions = Sessions(PLACES, "center", events.append, clock)

    async def send(name):
        async with sessions.hold(name, SHOWN) as session:
            seconds = session.time_of(None, clock.now)
            followed = session.follow(found((10, 100, 90, 180)), seconds, clock.now)
            sessions.note(name, followed)
        return followed

    async def run():
        await send("a")
        clock.now += IDLE - 1
        kept = await send("a")
        assert (kept.seconds, kept.tracks.ids.tolist()) == (IDLE - 1, [1])
        await send("b")
        clock.now += IDLE
        assert sessions.count() == 0
        assert [(event.place, event.what) for event in events] == [("yard", "entered")] * 2 + [("yard", "left")] * 2
        assert (await send("a")).seconds == 0

    asyncio.run(run())


def test_a_session_in_use_is_not_idle_and_its_end_waits():
    clock = Clock()
    sessions = Sessions(clock=clock)
    order = []

    async def use(name, gate):
        async with sessions.hold("a", SHOWN) as session:
            await gate.wait()
            session.follow(found(), session.time_of(None, clock.now), clock.now)
            order.append((name, session))

    async def end():
        await sessions.end("a")
        order.append(("end", None))

    async def run():
        gate = asyncio.Event()
        tasks = []
        for begin in (use("first", gate), end(), use("second", gate), use("third", gate)):
            tasks.append(asyncio.create_task(begin))
            await asyncio.sleep(0)
        clock.now += 10 * IDLE
        assert sessions.count() == 1
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert [name for name, _ in order] == ["first", "end", "second", "third"]
    first, second, third = (session for _, session in order if session)
    assert first is not second is third
    assert sessions.count() == 1


def test_a_full_server_says_when_a_session_may_be_free(monkeypatch):
    monkeypatch.setattr(sessions_module, "SESSIONS", 1)
    clock = Clock()
    sessions = Sessions(clock=clock)

    async def enter(name):
        async with sessions.hold(name, SHOWN) as session:
            session.follow(found(), 0.0, clock.now)

    async def run():
        await enter("a")
        clock.now += 20
        with pytest.raises(Refused) as refused:
            await enter("b")
        assert refused.value.headers == {"Retry-After": "40"}
        clock.now += 40
        await enter("b")

    asyncio.run(run())


def test_no_pixels_are_kept():
    sessions = Sessions(clock=Clock())

    async def run():
        async with sessions.hold("a", SHOWN) as session:
            return session.follow(found((10, 10, 50, 50)), 0.0, 0.0)

    assert asyncio.run(run()).tracks.detections.image is None


def test_the_ids_are_those_of_the_tracker_with_weak_detections(tmp_path):
    detector = load(write_tiny_onnx(tmp_path / "tiny.onnx"))
    shown = detector.thresholds(0.9)
    tracker = Tracker(shown)
    with client_of(runtime=detector.runtime) as client:
        for i, x in enumerate((10, 40, 70)):
            image = paint((300, 400), {"red": (x, 100, x + 80, 180)})
            seen = detector(image, score=0.1)
            assert len(seen) > (seen.scores > 0.9).sum() > 1
            tracks = tracker.update(seen, i / 10)
            result = tracked(client, "alone", encode(image), seconds=i / 10, score=0.9)
            assert [one["id"] for one in result["detections"]] == tracks.ids.tolist()
            assert [one["box"] for one in result["detections"]] == tracks.detections.boxes.tolist()
            assert [one["score"] for one in result["detections"]] == tracks.detections.scores.tolist()
