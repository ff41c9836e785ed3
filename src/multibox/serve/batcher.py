"""Dynamic batches: images of different requests that wait at the same time go through the network together."""

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from multibox.config import Detect
from multibox.detect.detections import Detections
from multibox.detect.detector import Detector
from multibox.detect.prepare_image import Prepared
from multibox.serve.refused import Refused
from multibox.serve.settings import Settings

DECODERS = 2
"""Number of threads that decode images. More threads would take CPU time from the network."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Score thresholds and NMS settings of a request.

    Attributes:
        thresholds: ``(C,)`` score that detections of each class must exceed. None takes ``config.score`` for all.
        config: NMS settings: the IoU above which a detection is suppressed, and the limits on the number of detections.
        keep: Whether the detections keep the image.
    """

    thresholds: np.ndarray | None
    config: Detect
    keep: bool = False

    def as_for_evaluation(self) -> "Wanted":
        """A copy of these settings that reports every detection above ``config.score``."""
        return replace(self, thresholds=None)


@dataclass(eq=False)
class Job:
    """An image of a request, from the upload to its detections.

    Attributes:
        read: Function that returns the image's pixels, ``(H, W, 3)`` uint8 RGB. It is called in a thread that decodes.
        wanted: Score thresholds and NMS settings of the request.
        answer: Future whose result is the image's detections.
        times: Clock readings in seconds by step: ``begun``, ``decoded``, ``taken`` (by the network), ``run``,
            ``finished``.
    """

    read: Callable[[], np.ndarray]
    wanted: Wanted
    answer: asyncio.Future[Detections]
    times: dict[str, float] = field(default_factory=dict)

    def reach(self, step: str) -> None:
        """Record the time at which the job reached a step."""
        self.times[step] = time.perf_counter()

    def settle(self, found: Detections | Exception) -> None:
        """Set the future's result or error. Any thread may call this."""

        def tell() -> None:
            if self.answer.done():
                return
            if isinstance(found, Exception):
                self.answer.set_exception(found)
            else:
                self.answer.set_result(found)

        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.answer.get_loop().call_soon_threadsafe(tell)


@dataclass(frozen=True, eq=False)
class Turn:
    """A prepared image that waits for the network.

    Attributes:
        prepared: Image as the network takes it, from :meth:`~multibox.detect.detector.Detector.prepare`.
        given_up: Function that returns whether the image's request has ended, so that the image can be skipped.
        taken: Function called when the network starts on the image's batch.
        then: Function called with the network's output for the image, or with the error that was raised.
    """

    prepared: Prepared
    given_up: Callable[[], bool]
    taken: Callable[[], None]
    then: Callable[[Any], None]


class Batcher:
    """Runs a detector for many requests at once.

    A few threads decode images. One thread runs the network on all waiting images. Another thread turns outputs into
    detections. The event loop only submits each image and receives its result.

    Args:
        detector: Detector to run. Afterwards only this batcher may run its network.
        settings: Settings of the server, including the largest batch and the length of the queue.
        observe: Function called after each batch with its number of images and its seconds in the network.

    Attributes:
        detector: Detector whose ``run`` passes through this batcher, so that any thread may call it.
        settings: Settings of the server, including the largest batch and the length of the queue.
        under_way: Number of images that wait or are being processed.
    """

    def __init__(
        self,
        detector: Detector,
        settings: Settings,
        observe: Callable[[int, float], Any] = lambda images, seconds: None,
    ):
        self.detector = detector.with_run(self.run)
        self.settings = settings
        self.under_way = 0
        self._network = detector.run
        self._observe = observe
        self._size = 1 if detector.tiles else settings.batch  # tiles fill batches by themselves
        self._seconds = 0.1  # an image takes, by the last batches
        self._waiting: SimpleQueue[Turn | None] = SimpleQueue()
        self._closed, self._closing = False, threading.Lock()
        self._decoders = ThreadPoolExecutor(DECODERS, "decode")
        self._finisher = ThreadPoolExecutor(1, "finish")
        self._worker = threading.Thread(target=self._work, name="network", daemon=True)
        self._worker.start()

    @property
    def ready(self) -> bool:
        """Whether another image would be accepted and the network's thread is alive."""
        return self.under_way < self.settings.queue and self._worker.is_alive()

    def require_ready(self) -> None:
        """Raise an error if the queue is full or the server is stopping.

        Raises:
            Refused: If another image would not be accepted (HTTP status 503).
        """
        if not self.ready:
            raise Refused(
                503,
                "busy",
                "the queue is full or the server is stopping; try again in 1 s",
                headers={"Retry-After": "1"},
            )

    @asynccontextmanager
    async def admit(self, images: int) -> AsyncIterator[None]:
        """Count the images of a request as being processed until the block ends.

        Raises:
            Refused: If the queue has no room for the request's images (HTTP status 503).
        """
        if self.under_way and self.under_way + images > self.settings.queue:
            wait = max(1, math.ceil(self.under_way * self._seconds))
            text = f"too many images are waiting; try again in {wait} s"
            raise Refused(503, "busy", text, headers={"Retry-After": str(wait)})
        self.under_way += images
        try:
            yield
        finally:
            self.under_way -= images

    async def detect(self, reads: Sequence[Callable[[], np.ndarray]], wanted: Wanted) -> list[Job]:
        """Detect the objects in images.

        Args:
            reads: Functions that each return the pixels of one image, ``(H, W, 3)`` uint8 RGB.
            wanted: Score thresholds and NMS settings of the request.

        Returns:
            A finished job for each image, in the order of ``reads``.

        Raises:
            Refused: If an image cannot be read. The error names the image by its index.
        """
        loop = asyncio.get_running_loop()
        jobs = [Job(read, wanted, loop.create_future()) for read in reads]
        try:
            for job in jobs:
                job.reach("begun")
                self._decoders.submit(self._prepare, job)
            for i, job in enumerate(jobs):
                try:
                    await job.answer
                except Refused as error:
                    raise error.of_image(i) from None
        finally:
            for job in jobs:
                if not job.answer.cancel() and not job.answer.cancelled():
                    job.answer.exception()  # looked at, else asyncio would report it as forgotten
        return jobs

    def run(self, batch: Sequence[Prepared]) -> list[Any]:
        """Run the network on prepared images, in batches together with images of other callers.

        The calling thread waits.
        """
        outputs: list[Future[Any]] = []
        for prepared in batch:
            output: Future[Any] = Future()

            def then(said: Any, output: Future[Any] = output) -> None:
                if isinstance(said, Exception):
                    output.set_exception(said)
                else:
                    output.set_result(said)

            self._wait(Turn(prepared, lambda: False, lambda: None, then))
            outputs.append(output)
        return [output.result() for output in outputs]

    def close(self) -> None:
        """Stop the threads. Images already prepared go through the network. Other images are refused."""
        with self._closing:
            self._closed = True
            self._waiting.put(None)
        self._decoders.shutdown()
        self._worker.join()
        self._finisher.shutdown()

    def _wait(self, turn: Turn) -> None:
        with self._closing:  # nothing is put behind the end, where nobody would take it
            closed = self._closed
            if not closed:
                self._waiting.put(turn)
        if closed:
            turn.then(_stopping())

    def _prepare(self, job: Job) -> None:
        if job.answer.done():
            return
        if self._closed:
            job.settle(_stopping())
            return
        try:
            prepared = self.detector.prepare(job.read(), keep=job.wanted.keep)
        except Exception as error:
            job.settle(error)
            return
        job.reach("decoded")

        def then(said: Any) -> None:
            job.reach("run")
            self._finisher.submit(self._finish, job, prepared, said)

        self._wait(Turn(prepared, job.answer.done, lambda: job.reach("taken"), then))

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            turns = [first]
            with suppress(Empty):
                while len(turns) < self._size:
                    turn = self._waiting.get_nowait()
                    if turn is None:  # the end comes after these
                        self._waiting.put(None)
                        break
                    turns.append(turn)
            self._run([turn for turn in turns if not turn.given_up()])

    def _run(self, turns: list[Turn]) -> None:
        if not turns:
            return
        start = time.perf_counter()
        for turn in turns:
            turn.taken()
        try:
            outputs: Sequence[Any] = self._network([turn.prepared for turn in turns])
        except Exception as error:
            outputs = [error] * len(turns)
        seconds = time.perf_counter() - start
        for turn, output in zip(turns, outputs, strict=True):
            turn.then(output)
        self._seconds += 0.2 * (seconds / len(turns) - self._seconds)
        self._observe(len(turns), seconds)

    def _finish(self, job: Job, prepared: Prepared, said: Any) -> None:
        try:
            if isinstance(said, Exception):
                raise said
            found = self.detector.finish(prepared, said, job.wanted.config, job.wanted.thresholds)
        except Exception as error:
            job.settle(error)
            return
        job.reach("finished")
        job.settle(found)


def _stopping() -> Refused:
    return Refused(503, "stopping", "the server is stopping; send the request again after its restart")
