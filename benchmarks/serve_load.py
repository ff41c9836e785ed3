"""``multibox serve`` under load: many clients at once on loopback, against the bare runtime in the same run.

python benchmarks/serve_load.py MODEL [--clients 64] [--seconds 60] [--runtime NAME] [--threads N] [--batch 8]

The clients send a JPEG picture of 500 x 375 pixels each, again and again, over connections that stay open, from this
process: they share the cores with the server. The bare runtime, alone in a process of its own, is given batches of
prepared inputs, of one picture and of as many as the server takes, before and after the load; the better of the two is
what the server is held against. Prints JSON; ends with 1 where an answer was neither 200 nor 503, or the memory grew
by more than 5% (and 20 MB) between the second and the last quarter of the load.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from multibox.data.sample import draw_scene

BOUNDARY = b"multibox"
BARE_SECONDS = 8.0

BARE = """
import json, sys, time
import numpy as np
from multibox.detect.load import load
model, runtime, threads, batches, seconds = json.loads(sys.argv[1])
detector = load(model, runtime=runtime, threads=threads)
image = np.random.default_rng(0).integers(0, 255, (375, 500, 3), dtype=np.uint8)
prepared = detector.prepare(image)
rates = {}
for batch in batches:
    inputs = np.concatenate([prepared.inputs] * batch)
    call = detector.runtime.run
    call(inputs)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds / len(batches):
        call(inputs)
        count += batch
    rates[batch] = count / (time.perf_counter() - start)
print(json.dumps(rates))
"""


def make_request(host: str) -> bytes:
    image, _ = draw_scene(np.random.default_rng(3), 500)
    picture = cv2.imencode(".jpg", cv2.resize(image, (500, 375))[..., ::-1])[1].tobytes()
    part = b'Content-Disposition: form-data; name="images"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = b"--%b\r\n%b%b\r\n--%b--\r\n" % (BOUNDARY, part, picture, BOUNDARY)
    head = (
        f"POST /v1/detect HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
    )
    return head.encode() + body


def bare_rates(arguments: argparse.Namespace) -> dict[str, float]:
    """Pictures a second of the bare runtime, by the size of its batches."""
    given = [arguments.model, arguments.runtime, arguments.threads, [1, arguments.batch], arguments.bare_seconds]
    done = subprocess.run([sys.executable, "-c", BARE, json.dumps(given)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def start_server(arguments: argparse.Namespace) -> tuple[subprocess.Popen[str], int]:
    options = ["--port", "0", "--batch", arguments.batch, "--queue", arguments.queue]
    options += ["--runtime", arguments.runtime] if arguments.runtime else []
    options += ["--threads", arguments.threads] if arguments.threads else []
    command = [sys.executable, "-m", "multibox", "serve", arguments.model, *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r":(\d+)/", line)
    if not found:
        sys.exit(f"the server did not start: {line}")
    return process, int(found[1])


def resident(pid: int) -> float:
    """Megabytes of a process in memory."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Load:
    """Clients that ask until the time is up."""

    def __init__(self, port: int, until: float):
        self.port = port
        self.until = until
        self.request = make_request(f"127.0.0.1:{port}")
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []

    async def client(self) -> None:
        reader = writer = None
        while time.perf_counter() < self.until:
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                start = time.perf_counter()
                writer.write(self.request)
                status = await self.read_answer(reader)
                self.statuses[status] += 1
                if status == "200":
                    self.seconds.append(time.perf_counter() - start)
                else:
                    await asyncio.sleep(0.2)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.statuses[type(error).__name__] += 1
                writer = None
        if writer is not None:
            writer.close()

    @staticmethod
    async def read_answer(reader: asyncio.StreamReader) -> str:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        await reader.readexactly(length)
        return head.split(b" ", 2)[1].decode()


async def watch(pid: int, until: float, samples: list[float]) -> None:
    while time.perf_counter() < until:
        samples.append(resident(pid))
        await asyncio.sleep(0.25)


async def put_load(port: int, pid: int, clients: int, seconds: float) -> tuple[Load, list[float]]:
    load, samples = Load(port, time.perf_counter() + seconds), []
    await asyncio.gather(watch(pid, load.until, samples), *(load.client() for _ in range(clients)))
    return load, samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--bare-seconds", type=float, default=BARE_SECONDS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--queue", type=int, default=64)
    parser.add_argument("--runtime", default=None)
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()

    before = bare_rates(arguments)
    process, port = start_server(arguments)
    try:
        asyncio.run(put_load(port, process.pid, arguments.clients, arguments.warm_up))
        start = time.perf_counter()
        load, samples = asyncio.run(put_load(port, process.pid, arguments.clients, arguments.seconds))
        took = time.perf_counter() - start
    finally:
        process.terminate()
        code = process.wait(90)
    after = bare_rates(arguments)

    bare = max(sum(pair) / 2 for pair in zip(before.values(), after.values(), strict=True))
    rate = load.statuses["200"] / took
    quarter = max(1, len(samples) // 4)
    memory = [float(np.mean(samples[quarter : 2 * quarter] or samples)), float(np.mean(samples[-quarter:]))]
    errors = {status: count for status, count in load.statuses.items() if status not in ("200", "503")}
    percentiles = np.percentile(load.seconds, [50, 95, 99]) if load.seconds else [0, 0, 0]
    flat = memory[1] - memory[0] < max(20, 0.05 * memory[0])
    figures = {
        "model": os.path.basename(arguments.model),
        "clients": arguments.clients,
        "seconds": round(took, 1),
        "answers": dict(load.statuses),
        "images_per_second": round(rate, 2),
        "bare_images_per_second": {"before": before, "after": after},
        "share": round(rate / bare, 3),
        **{f"p{n}_ms": round(1000 * value, 1) for n, value in zip((50, 95, 99), percentiles, strict=True)},
        "memory_mb": [round(value, 1) for value in memory],
        "memory_flat": flat,
        "exit_code": code,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(1 if errors or not flat or code else 0)


if __name__ == "__main__":
    main()
