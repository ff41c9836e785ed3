"""The speed of detection: where the time of an image goes, in each runtime."""

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np

from multibox.bench.scenes import make_scenes
from multibox.bench.torchvision_ssd import ssd300_network
from multibox.detect.detector import Detector
from multibox.detect.in_batches import in_batches
from multibox.detect.load import load
from multibox.errors import BadInput
from multibox.machine import cores, processor
from multibox.predict.predict import predict
from multibox.predict.sources import find_sources
from multibox.prepare.render import decode
from multibox.runtimes import open_runtime
from multibox.runtimes.choose import model_file
from multibox.runtimes.fastest import SETTLE
from multibox.runtimes.kinds import RUNTIMES, readers

PEERS = ("torchvision",)
"""What can be measured beside: the network of torchvision's ``ssd300_vgg16``, in PyTorch's eager mode."""


@dataclass(frozen=True)
class RuntimeSpeed:
    """Cost of detection in one runtime.

    Attributes:
        p50_ms: Median milliseconds from the encoded images of a batch to their detections.
        p95_ms: 95th percentile of the same milliseconds.
        images_per_second: Images per second through files, as in ``multibox predict``, where decoding and the network
            overlap.
        decode_ms: Median milliseconds an image from the file's bytes to pixels.
        resize_ms: Median milliseconds an image from the pixels to the network's input.
        network_ms: Median milliseconds of the network, an image's share of the batch.
        postprocess_ms: Median milliseconds an image from the network's output to detections.
        times_peer: Time of the peer's network alone over the time from bytes to detections, median over the rounds, in
            each of which both were measured. None without a peer.
        network_times_peer: Time of the peer's network over that of the network, median over the rounds. None without a
            peer.
    """

    p50_ms: float
    p95_ms: float
    images_per_second: float
    decode_ms: float
    resize_ms: float
    network_ms: float
    postprocess_ms: float
    times_peer: float | None = None
    network_times_peer: float | None = None

    @property
    def beyond_network_ms(self) -> float:
        """Milliseconds of an image beyond the network."""
        return self.decode_ms + self.resize_ms + self.postprocess_ms


@dataclass(frozen=True)
class PredictionSpeed:
    """Cost of detection.

    Attributes:
        processor: Model of the processor.
        threads: Number of threads of each network.
        batch: Number of images that went through the network together.
        runtimes: Figures by runtime, with the file's name if one runtime ran several.
        left_out: Installed runtimes that read such files but could not run this one, and why.
        peer: Name of the peer.
        peer_ms: Median milliseconds of the peer's network on a batch.
    """

    processor: str
    threads: int
    batch: int
    runtimes: dict[str, RuntimeSpeed]
    left_out: dict[str, str] = field(default_factory=dict)
    peer: str | None = None
    peer_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON-able values."""
        return asdict(self)


class Lap(NamedTuple):
    """Seconds of the steps of one batch."""

    decode: float
    resize: float
    network: float
    postprocess: float


class Turn(NamedTuple):
    """Measurements of a runtime before the next one's turn."""

    laps: list[Lap]
    images_per_second: float


Value = TypeVar("Value")

_PEER = "peer"


def measure_prediction(
    models: Sequence[str | Path],
    runtime: str | None = None,
    *,
    threads: int | None = None,
    batch: int = 1,
    images: int = 16,
    rounds: int = 5,
    peer: str | None = None,
) -> PredictionSpeed:
    """Measure detection in rendered scenes with the size and coding of VOC's images.

    All runtimes are measured in turns, so that a change of the machine's speed affects all.

    Args:
        models: Paths of model files. Every installed runtime that reads one runs it.
        runtime: The only runtime to measure.
        threads: Number of CPU threads of each network, and of OpenCV. None takes one a core.
        batch: Number of images that go through the network together.
        images: Number of scenes in a turn, at least a batch.
        rounds: Number of turns that count.
        peer: One of :data:`PEERS`, measured in the same turns.

    Returns:
        The figures.

    Raises:
        BadInput: If a model cannot be opened, or a runtime or the peer is missing.
    """
    threads = threads or cores()
    detectors, left_out = open_detectors(models, runtime, threads)
    classes = len(next(iter(detectors.values())).classes)
    run_peer = ssd300_network(classes, batch, threads) if peer else None
    with tempfile.TemporaryDirectory() as folder, opencv_threads(threads):
        scenes = write_scenes(Path(folder), max(images, batch))
        turns: dict[str, Callable[[], Any]] = {
            name: partial(take_turn, detector, scenes, batch) for name, detector in detectors.items()
        }
        if run_peer:
            turns[_PEER] = partial(time_calls, run_peer, len(scenes) // batch)
        taken = in_rounds(turns, rounds)
    peer_turns = taken.pop(_PEER, None)
    return PredictionSpeed(
        processor=processor(),
        threads=threads,
        batch=batch,
        runtimes={name: speed_of(turns, batch, peer_turns) for name, turns in taken.items()},
        left_out=left_out,
        peer=peer,
        peer_ms=statistics.median(chain(*peer_turns)) * 1000 if peer_turns else None,
    )


def open_detectors(
    models: Sequence[str | Path], runtime: str | None, threads: int
) -> tuple[dict[str, Detector], dict[str, str]]:
    """Open each model in each installed runtime that reads it.

    Args:
        models: Paths of model files.
        runtime: The only runtime to open.
        threads: Number of CPU threads.

    Returns:
        Detectors by the names of their runtimes, with the file's if one runtime has several, and by the same names why
        other runtimes cannot run a file.

    Raises:
        BadInput: If a model cannot be opened, or the runtime is missing.
    """
    paths = [model_file(model, runtime) for model in models]
    pairs = [(path, name) for path in paths for name in ([runtime] if runtime else installed_readers(path))]
    often = Counter(name for _, name in pairs)
    detectors, left_out = {}, {}
    for path, name in pairs:
        title = f"{name} {path.name}" if often[name] > 1 else name
        try:
            detectors[title] = load(path, runtime=name, threads=threads)
        except BadInput as error:
            if name == runtime or name == readers(path)[0]:
                raise
            left_out[title] = str(error)
    return detectors, left_out


def installed_readers(model: str | Path) -> list[str]:
    """The installed runtimes that read a file.

    Raises:
        BadInput: If there is no such runtime or no such file.
    """
    path = Path(model)
    able = [name for name in readers(path) if RUNTIMES[name].is_installed]
    if not able or not path.exists():
        open_runtime(path)  # says what is wrong
    return able


def write_scenes(folder: Path, count: int) -> list[Path]:
    """Write rendered scenes as files.

    Args:
        folder: Path of an empty folder.
        count: Number of scenes.

    Returns:
        Paths of the JPEG files.
    """
    paths = []
    for record in make_scenes(folder / "scenes.lmdb", count):
        paths.append(folder / f"{record.id}.jpg")
        paths[-1].write_bytes(record.image)
    return paths


def in_rounds(turns: Mapping[str, Callable[[], Value]], rounds: int) -> dict[str, list[Value]]:
    """Run functions in turns, so that a change of the machine's speed affects all.

    Args:
        turns: Functions of a turn, by name.
        rounds: Number of rounds that count. One warm-up round is run first.

    Returns:
        Results of the turns, by name.
    """
    given: dict[str, list[Value]] = {name: [] for name in turns}
    for number in range(1 + rounds):
        for name, turn in turns.items():
            time.sleep(SETTLE)
            value = turn()
            if number:
                given[name].append(value)
    return given


def take_turn(detector: Detector, scenes: Sequence[Path], batch: int) -> Turn:
    """Detect in all scenes twice: step by step, and as ``multibox predict`` does."""
    encoded = [path.read_bytes() for path in scenes]
    laps = [time_lap(detector, some) for some in in_batches(encoded, batch) if len(some) == batch]
    start = time.perf_counter()
    for _ in predict(detector, find_sources([*map(str, scenes)]), batch=batch, keep=False):
        pass
    return Turn(laps, len(scenes) / (time.perf_counter() - start))


def time_lap(detector: Detector, encoded: Sequence[bytes]) -> Lap:
    """Time the steps from the bytes of a batch of images to what ``multibox predict`` shows of them."""
    thresholds = detector.thresholds(None)
    times = [time.perf_counter()]
    images = [decode(data) for data in encoded]
    times.append(time.perf_counter())
    prepared = [detector.prepare(image) for image in images]
    times.append(time.perf_counter())
    outputs = detector.run(prepared)
    times.append(time.perf_counter())
    for image, output in zip(prepared, outputs, strict=True):
        detector.finish(image, output, thresholds=thresholds)
    times.append(time.perf_counter())
    return Lap(*np.diff(times).tolist())


def time_calls(call: Callable[[], Any], count: int) -> list[float]:
    """Seconds of each of some calls."""
    times = [time.perf_counter()]
    for _ in range(count):
        call()
        times.append(time.perf_counter())
    return np.diff(times).tolist()


def speed_of(turns: Sequence[Turn], batch: int, peer_turns: Sequence[Sequence[float]] | None = None) -> RuntimeSpeed:
    """Summarise the turns of a runtime.

    Args:
        turns: Turns of the runtime.
        batch: Number of images in a lap.
        peer_turns: Seconds of the peer's calls, in the turns of the same rounds.

    Returns:
        The figures.
    """
    laps = [lap for turn in turns for lap in turn.laps]
    whole_ms = np.array([sum(lap) * 1000 for lap in laps])
    steps = Lap(*(statistics.median(seconds) * 1000 / batch for seconds in zip(*laps, strict=True)))
    return RuntimeSpeed(
        p50_ms=float(np.percentile(whole_ms, 50)),
        p95_ms=float(np.percentile(whole_ms, 95)),
        images_per_second=statistics.median(turn.images_per_second for turn in turns),
        decode_ms=steps.decode,
        resize_ms=steps.resize,
        network_ms=steps.network,
        postprocess_ms=steps.postprocess,
        times_peer=_times(peer_turns, [[sum(lap) for lap in turn.laps] for turn in turns]),
        network_times_peer=_times(peer_turns, [[lap.network for lap in turn.laps] for turn in turns]),
    )


def _times(peer_turns: Sequence[Sequence[float]] | None, turns: Sequence[Sequence[float]]) -> float | None:
    """Median ratio of the peer's time to this one's, over the rounds."""
    if peer_turns is None:
        return None
    pairs = zip(peer_turns, turns, strict=True)
    return statistics.median(statistics.median(peer) / statistics.median(ours) for peer, ours in pairs)


@contextmanager
def opencv_threads(threads: int) -> Iterator[None]:
    """OpenCV uses a number of threads while the block lasts."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
