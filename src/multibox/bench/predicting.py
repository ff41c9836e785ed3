"""The speed of detection: the time of each step of an image, in each runtime."""

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
"""Libraries to compare with: ``torchvision`` runs the network of ``ssd300_vgg16`` in PyTorch's eager mode."""


@dataclass(frozen=True)
class RuntimeSpeed:
    """Measured speed of detection in one runtime.

    Attributes:
        p50_ms: Median time in milliseconds from a batch of encoded images to its detections.
        p95_ms: 95th percentile of the time in milliseconds from a batch of encoded images to its detections.
        images_per_second: Images per second when files are read as in ``multibox predict``, where decoding and the
            network overlap.
        decode_ms: Median milliseconds per image to decode the file's bytes to pixels.
        resize_ms: Median milliseconds per image to make the network's input from the pixels.
        network_ms: Median milliseconds per image in the network: the time of a batch divided by its number of images.
        postprocess_ms: Median milliseconds per image to turn the network's output into detections.
        times_peer: Time of the other library's network alone, divided by the time of Multibox's whole detection: the
            median over the rounds. None without another library.
        network_times_peer: Time of the other library's network, divided by the time of Multibox's network: the median
            over the rounds. None without another library.
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
        """Milliseconds per image outside the network: decoding, resizing and postprocessing."""
        return self.decode_ms + self.resize_ms + self.postprocess_ms


@dataclass(frozen=True)
class PredictionSpeed:
    """Measured speed of detection in each runtime.

    Attributes:
        processor: Model name of the processor.
        threads: Number of CPU threads of each network.
        batch: Number of images that went through the network together.
        runtimes: Measured speed by name of the runtime. If a runtime ran several files, the file's name is added to the
            key.
        left_out: Reasons why installed runtimes could not run a file of a format that they read, by name of the
            runtime.
        peer: Name of the other library that was measured. None without one.
        peer_ms: Median milliseconds of the other library's network for a batch. None without another library.
    """

    processor: str
    threads: int
    batch: int
    runtimes: dict[str, RuntimeSpeed]
    left_out: dict[str, str] = field(default_factory=dict)
    peer: str | None = None
    peer_ms: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The measurements as a dictionary that can be written as JSON."""
        return asdict(self)


class Lap(NamedTuple):
    """The time in seconds of each step of detecting in one batch."""

    decode: float
    resize: float
    network: float
    postprocess: float


class Turn(NamedTuple):
    """Measurements of one runtime in one round."""

    laps: list[Lap]
    images_per_second: float


Value = TypeVar("Value")

_PEER = "peer"


def measure_prediction(
    models: Sequence[str | Path],
    runtime: str | None = None,
    *,
    threads: int | None = None,
    backend: str | None = None,
    batch: int = 1,
    images: int = 16,
    rounds: int = 5,
    peer: str | None = None,
) -> PredictionSpeed:
    """Measure detection in rendered scenes that have the size and JPEG quality of VOC's images.

    In each round every runtime is measured once, so that a change of the machine's speed affects all runtimes.

    Args:
        models: Paths of model files. Each file is run by every installed runtime that reads its format.
        runtime: Name of the only runtime to measure. None measures all installed runtimes.
        threads: Number of CPU threads of each network, and of OpenCV. None takes one per core.
        backend: Backend of Keras for ``.keras`` files. None means the default.
        batch: Number of images that go through the network together.
        images: Number of rendered images in a round, at least ``batch``.
        rounds: Number of rounds, after one warm-up round.
        peer: Another library to measure in the same rounds, one of :data:`PEERS`. None measures none.

    Returns:
        Measured speed of each runtime.

    Raises:
        BadInput: If a model cannot be opened, or a runtime or the library to compare with is not installed.
    """
    threads = threads or cores()
    detectors, left_out = open_detectors(models, runtime, threads, backend)
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
    models: Sequence[str | Path], runtime: str | None, threads: int, backend: str | None = None
) -> tuple[dict[str, Detector], dict[str, str]]:
    """Open each model file in each installed runtime that reads its format.

    Args:
        models: Paths of model files.
        runtime: Name of the only runtime to use. None uses all installed runtimes.
        threads: Number of CPU threads of each network.
        backend: Backend of Keras for ``.keras`` files. None means the default.

    Returns:
        Detectors by name of the runtime, and the reasons why files could not be opened, also by name of the runtime. If
        a runtime has several files, the file's name is added to the key.

    Raises:
        BadInput: If a model cannot be opened, or the runtime is not installed.
    """
    paths = [model_file(model, runtime, backend=backend) for model in models]
    pairs = [(path, name) for path in paths for name in ([runtime] if runtime else installed_readers(path))]
    if backend is not None and all(name != "keras" for _, name in pairs):
        raise BadInput("backend", "no model is run by Keras; leave it out, or give a .keras file")
    often = Counter(name for _, name in pairs)
    detectors, left_out = {}, {}
    for path, name in pairs:
        title = f"{name} {path.name}" if often[name] > 1 else name
        try:
            detectors[title] = load(path, runtime=name, threads=threads, backend=backend if name == "keras" else None)
        except BadInput as error:
            if name == runtime or name == readers(path)[0]:
                raise
            left_out[title] = str(error)
    return detectors, left_out


def installed_readers(model: str | Path) -> list[str]:
    """Names of the installed runtimes that read a model file.

    Raises:
        BadInput: If the runtime or the file does not exist.
    """
    path = Path(model)
    able = [name for name in readers(path) if RUNTIMES[name].is_installed]
    if not able or not path.exists():
        open_runtime(path)  # says what is wrong
    return able


def write_scenes(folder: Path, count: int) -> list[Path]:
    """Write rendered scenes as JPEG files.

    Args:
        folder: Path of an empty folder to write to.
        count: Number of scenes to write.

    Returns:
        Paths of the JPEG files.
    """
    paths = []
    for record in make_scenes(folder / "scenes.lmdb", count):
        paths.append(folder / f"{record.id}.jpg")
        paths[-1].write_bytes(record.image)
    return paths


def in_rounds(turns: Mapping[str, Callable[[], Value]], rounds: int) -> dict[str, list[Value]]:
    """Call functions in rounds, so that a change of the machine's speed affects all of them.

    Args:
        turns: Functions to call, by name. Each is called once in every round.
        rounds: Number of rounds whose results are returned. One warm-up round precedes them.

    Returns:
        Results of each function by its name, one for each round.
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
    """Detect in all scenes twice: once timing each step, and once as ``multibox predict`` does."""
    encoded = [path.read_bytes() for path in scenes]
    laps = [time_lap(detector, some) for some in in_batches(encoded, batch) if len(some) == batch]
    start = time.perf_counter()
    for _ in predict(detector, find_sources([*map(str, scenes)]), batch=batch, keep=False):
        pass
    return Turn(laps, len(scenes) / (time.perf_counter() - start))


def time_lap(detector: Detector, encoded: Sequence[bytes]) -> Lap:
    """Measure the steps of detection in one batch, from encoded images to detections above the display thresholds."""
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
    """Call a function several times, and return the duration of each call in seconds."""
    times = [time.perf_counter()]
    for _ in range(count):
        call()
        times.append(time.perf_counter())
    return np.diff(times).tolist()


def speed_of(turns: Sequence[Turn], batch: int, peer_turns: Sequence[Sequence[float]] | None = None) -> RuntimeSpeed:
    """Summarise the measurements of one runtime.

    Args:
        turns: Measurements of the runtime, one for each round.
        batch: Number of images in a batch.
        peer_turns: Seconds of the other library's network calls, one list for each round. None without another library.

    Returns:
        The measured speed of the runtime.
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
    """Median over the rounds of the other library's time divided by the time here."""
    if peer_turns is None:
        return None
    pairs = zip(peer_turns, turns, strict=True)
    return statistics.median(statistics.median(peer) / statistics.median(ours) for peer, ours in pairs)


@contextmanager
def opencv_threads(threads: int) -> Iterator[None]:
    """Set the number of OpenCV's threads while the block lasts."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
