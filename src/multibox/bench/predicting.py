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
    """What detection costs in one runtime.

    Attributes:
        p50_ms: milliseconds from the encoded images of a batch to their detections: the median.
        p95_ms: what 95 of 100 batches stay below.
        images_per_second: through files, as ``multibox predict`` goes: decoding and the network overlap.
        decode_ms: of an image: from the file's bytes to pixels. The median, as for the following.
        resize_ms: from the pixels to the network's input.
        network_ms: the network, an image's share of the batch.
        postprocess_ms: from the network's numbers to detections.
        times_peer: how often it goes, from bytes to detections, into the time of the peer's network alone; the median
            over the rounds, in each of which both were measured. None without a peer.
        network_times_peer: likewise the network alone.
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
        """What an image costs beyond the network."""
        return self.decode_ms + self.resize_ms + self.postprocess_ms


@dataclass(frozen=True)
class PredictionSpeed:
    """What detection costs.

    Attributes:
        processor: its model.
        threads: that each network computed with.
        batch: images that went through it together.
        runtimes: by their names, with the file's where one runtime ran several.
        left_out: the runtimes that are installed and read such files, but not this one, and why.
        peer: name of the peer.
        peer_ms: milliseconds of its network on a batch, the median.
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
    """What was measured of a runtime before the next one's turn."""

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
    """Measure detection in rendered scenes, as large and as coded as VOC's images.

    All runtimes are measured in turns, so that a machine whose speed changes changes it for all.

    Args:
        models: model files. Each is run by all installed runtimes that read it.
        runtime: the only one to measure.
        threads: of the CPU, that each network computes with, and OpenCV; None: one a core.
        batch: images that go through the network together.
        images: scenes of a turn, at least a batch.
        rounds: turns of each that count.
        peer: one of :data:`PEERS`, measured in the same turns.

    Returns:
        the figures.

    Raises:
        BadInput: a model cannot be opened, a runtime or the peer is missing.
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
        models: model files.
        runtime: the only one to open.
        threads: of the CPU, that compute.

    Returns:
        detectors by the names of their runtimes, with the file's where there are several of one; and by such names why
        others cannot run a file, unless that is the one to open.

    Raises:
        BadInput: a model cannot be opened, or the runtime is missing.
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
        BadInput: there is none, or no file.
    """
    path = Path(model)
    able = [name for name in readers(path) if RUNTIMES[name].is_installed]
    if not able or not path.exists():
        open_runtime(path)  # says what is wrong
    return able


def write_scenes(folder: Path, count: int) -> list[Path]:
    """Write rendered scenes as files.

    Args:
        folder: an empty one.
        count: of scenes.

    Returns:
        the JPEG files.
    """
    paths = []
    for record in make_scenes(folder / "scenes.lmdb", count):
        paths.append(folder / f"{record.id}.jpg")
        paths[-1].write_bytes(record.image)
    return paths


def in_rounds(turns: Mapping[str, Callable[[], Value]], rounds: int) -> dict[str, list[Value]]:
    """Take turns, so that a machine whose speed changes changes it for all.

    Args:
        turns: what is done in a turn, by name.
        rounds: that count; one more, in which code is loaded and memory taken, goes before.

    Returns:
        what the turns gave, by name.
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
    """Sum up the turns of a runtime.

    Args:
        turns: of the runtime.
        batch: images of a lap.
        peer_turns: seconds of the peer's calls, in the turns of the same rounds.

    Returns:
        the figures.
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
    """How often a turn goes into the peer's of the same round: the median."""
    if peer_turns is None:
        return None
    pairs = zip(peer_turns, turns, strict=True)
    return statistics.median(statistics.median(peer) / statistics.median(ours) for peer, ours in pairs)


@contextmanager
def opencv_threads(threads: int) -> Iterator[None]:
    """OpenCV computes with some threads, as long as the block lasts."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
