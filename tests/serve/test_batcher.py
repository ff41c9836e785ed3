"""Requests share the network, wait in a queue that has an end, and are not waited for without one."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from colored import ColorRuntime
from multibox.detect.detector import Detector
from multibox.serve.app import EXPLAINERS
from multibox.serve.batcher import Batcher
from multibox.serve.bodies import LONG
from multibox.serve.refused import Refused
from multibox.serve.routes.detection import make_wanted
from multibox.serve.settings import Settings
from served import SlowRuntime, as_file, assert_refused, client_of, painted, server_of


def send(client, picture, count=1):
    return client.post("/v1/detect", files=[as_file(picture)] * count)


def wait_until(holds):
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it did not come to that within 10 seconds")


def under_way(client):
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("multibox_pictures_under_way")).split()[1])


def test_what_waits_goes_through_the_network_together(picture):
    runtime = SlowRuntime()
    with client_of(Settings(batch=4), runtime) as client, ThreadPoolExecutor(6) as pool:
        first = pool.submit(send, client, picture)
        assert runtime.begun.wait(10)
        others = [pool.submit(send, client, picture) for _ in range(5)]
        wait_until(lambda: under_way(client) == 6)
        time.sleep(0.3)  # they are decoded
        runtime.may.set()
        assert {answer.result().status_code for answer in [first, *others]} == {200}
    assert runtime.batches == [1, 4, 1]


def test_a_full_queue_refuses_and_says_when_to_come_again(picture):
    runtime = SlowRuntime()
    with client_of(Settings(queue=2), runtime) as client, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(send, client, picture) for _ in range(2)]
        wait_until(lambda: under_way(client) == 2)
        refused = send(client, picture)
        assert_refused(refused, 503, "busy")
        assert int(refused.headers["retry-after"]) >= 1
        for ask in (client.get, client.head):
            assert ask("/readyz").status_code == 503
            assert ask("/healthz").status_code == 200
        assert client.head("/healthz").content == b""
        runtime.may.set()
        assert [answer.result().status_code for answer in waiting] == [200, 200]
        assert client.get("/readyz").status_code == 200
        assert send(client, picture, 3).status_code == 200  # larger than the queue, but alone
        assert under_way(client) == 0


def test_time_is_limited_and_what_nobody_waits_for_is_left_out(picture):
    runtime = SlowRuntime()
    with client_of(Settings(timeout=0.5), runtime) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(send, client, picture)
        assert runtime.begun.wait(10)  # so that the second does not go with it
        for answer in (first, pool.submit(send, client, picture)):
            assert_refused(answer.result(), 504, "timeout")
        assert under_way(client) == 0
        runtime.may.set()
        wait_until(lambda: send(client, picture).status_code == 200)
    assert sum(runtime.batches) == 2  # the one that was running, and the last


def test_a_body_that_does_not_come_is_not_waited_for():
    def slowly():
        yield b"--x\r\n"
        time.sleep(1)
        yield b"--x--\r\n"

    with client_of(Settings(timeout=0.3)) as client:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert_refused(client.post("/v1/detect", content=slowly(), headers=headers), 504, "timeout")


def test_a_body_that_is_still_to_come_takes_no_place():
    sent, may_end = threading.Event(), threading.Event()

    def slowly():
        yield b"--x\r\n"
        sent.set()
        may_end.wait(10)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with client_of(Settings(queue=1)) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.post, "/v1/explain/detections", content=slowly(), headers=headers)
        assert sent.wait(10)
        time.sleep(0.2)  # it has arrived
        assert client.get("/readyz").status_code == 200
        may_end.set()
        assert_refused(waiting.result(), 400, "bad-form")


def test_long_bodies_are_parsed_while_explanations_wait_for_the_network(picture):
    runtime = SlowRuntime()
    with client_of(runtime=runtime) as client, ThreadPoolExecutor(EXPLAINERS) as pool:
        file = {"image": ("a.png", picture)}
        waiting = [pool.submit(client.post, "/v1/explain/detections", files=file) for _ in range(EXPLAINERS)]
        assert runtime.begun.wait(10)
        wait_until(lambda: under_way(client) == EXPLAINERS)
        headers = {"Content-Type": "application/json"}
        long = client.post("/v1/detect", content=b"[" + b" " * LONG, headers=headers, timeout=5)
        assert_refused(long, 400, "bad-json")
        runtime.may.set()
        assert {answer.result().status_code for answer in waiting} == {200}


def test_a_network_that_fails_says_so_and_goes_on(picture):
    runtime = SlowRuntime()
    runtime.may.set()
    answers, runtime.batches = runtime.batches, None  # appending to it fails
    with client_of(runtime=runtime) as client:
        failed = send(client, picture)
        assert_refused(failed, 500, "failed")
        assert "NoneType" not in failed.text
        runtime.batches = answers
        assert send(client, picture).status_code == 200


def test_who_runs_the_network_directly_waits_for_a_turn():
    runtime = ColorRuntime()
    batcher = Batcher(Detector(runtime), Settings())
    prepared = batcher.detector.prepare(painted())
    outputs = batcher.detector.run([prepared] * 3)
    found = [batcher.detector.finish(prepared, output) for output in outputs]
    expected = Detector(ColorRuntime())(painted(), score=0.01)
    assert [one.scores.tolist() for one in found] == [expected.scores.tolist()] * 3
    assert sum(runtime.batches) == 3
    batcher.close()


def test_who_comes_when_it_stops_is_refused():
    runtime = SlowRuntime()
    batcher = Batcher(Detector(runtime), Settings())
    prepared = batcher.detector.prepare(painted())
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(batcher.run, [prepared])
        assert runtime.begun.wait(10)
        closed = pool.submit(batcher.close)
        wait_until(lambda: batcher._waiting.qsize() == 1)
        late = pool.submit(batcher.run, [prepared])
        with pytest.raises(Refused, match="stopping"):
            late.result(10)
        runtime.may.set()
        assert len(first.result()) == 1
        closed.result(10)
        with pytest.raises(Refused, match="stopping"):
            pool.submit(batcher.run, [prepared]).result(10)


def test_what_is_not_decoded_when_it_stops_is_refused():
    async def ask():
        batcher, reading, may = Batcher(Detector(ColorRuntime()), Settings()), threading.Event(), threading.Event()

        def read():
            reading.set()
            assert may.wait(10)
            return painted()

        asked = asyncio.create_task(batcher.detect([read] * 4, make_wanted(batcher.detector)))
        await asyncio.to_thread(reading.wait, 10)
        threading.Timer(0.2, may.set).start()
        await asyncio.to_thread(batcher.close)
        with pytest.raises(Refused, match="stopping"):
            await asyncio.wait_for(asked, 10)

    asyncio.run(ask())


def test_a_stop_lets_running_requests_finish(picture):
    runtime = SlowRuntime()
    with ThreadPoolExecutor(1) as pool, httpx.Client(timeout=30) as client:
        with server_of(runtime=runtime) as url:
            waiting = pool.submit(client.post, f"{url}/v1/detect", files=[as_file(picture)])
            assert runtime.begun.wait(10)
            threading.Timer(0.5, runtime.may.set).start()
        assert runtime.may.is_set()  # leaving the block stopped the server, which waited
        assert waiting.result().status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get(f"{url}/healthz")
