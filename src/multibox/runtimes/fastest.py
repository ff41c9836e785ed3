"""The fastest runtime for a model on this machine, measured once and then remembered."""

import hashlib
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from multibox.errors import BadInput, RunFailed
from multibox.machine import cores, processor
from multibox.runtimes.agreement import difference, trial_images
from multibox.runtimes.cache import cache_folder, content_hash
from multibox.runtimes.from_keras import KerasFile, can_convert, on_cpu
from multibox.runtimes.int8_files import open_int8
from multibox.runtimes.kinds import RUNTIMES, readers
from multibox.runtimes.runtime import Runtime
from multibox.writing import new_file

ROUNDS = 15
"""Largest number of rounds of a measurement. Each runtime runs one image per round, and its median time counts."""

SECONDS = 4.0
"""Seconds after which no further round of a measurement begins. At least three rounds are run."""

SETTLE = 0.005
"""Seconds to wait before each timed call, because the threads of the previous runtime stay busy for a while after their
work."""


def open_fastest(path: Path, threads: int | None = None, int8: Sequence[Path] = (), lanes: int = 1) -> Runtime:
    """Open a model file with the installed runtime that runs it fastest on this machine.

    A ``.keras`` file is also run as ONNX, where Keras would compute on the CPU and the package onnx is installed.

    Args:
        path: Path of the model file.
        threads: Number of threads to compute with. None means one per core.
        int8: Paths of files in int8 of the same model, which may run in its place.
        lanes: Number of lanes that the runtime gets if it can have several. Runtimes are timed with one.

    Returns:
        Runtime that runs the model. A runtime whose scores or boxes differ from the default runtime's is never chosen,
        unless it runs one of ``int8``. A file that runs NMS itself gets the default runtime, because its outputs cannot
        be compared prior by prior.

    Raises:
        BadInput: The default runtime is not installed, or cannot read the file, or a file of ``int8`` was made of
            another model.
    """
    with tempfile.TemporaryDirectory() as folder:
        ways = _ways(path, threads, int8, Path(folder))
        if len(ways) == 1:
            return ways[0].open(lanes)
        question = _question([path, *int8], [way.runtime for way in ways], threads)
        name = _remembered(question)
        chosen = next((way for way in ways if way.name == name), None)
        return chosen.open(lanes) if chosen else _measured(ways, question, lanes)


@dataclass(frozen=True)
class Way:
    """A way to run a model.

    Attributes:
        runtime: Name of the runtime.
        open: Function that opens the model with a number of lanes.
        file: Path of the file in int8 that runs in place of the model. None for the model itself.
    """

    runtime: str
    open: Callable[[int], Runtime]
    file: Path | None = None

    @property
    def name(self) -> str:
        """Name of the way: that of the runtime, and of the file if it is another one."""
        return f"{self.runtime} {self.file.name}" if self.file else self.runtime


def _ways(path: Path, threads: int | None, int8: Sequence[Path], folder: Path) -> list[Way]:
    """The ways to run a model, the default first."""
    default, *others = readers(path)
    ways = [Way(default, partial(RUNTIMES[default].start, path, threads))]
    ways += [Way(name, partial(RUNTIMES[name].start, path, threads)) for name in others if RUNTIMES[name].is_installed]
    if default == "keras" and can_convert():
        file = KerasFile(path, threads, folder)
        able = [name for name in ("onnx", "openvino") if RUNTIMES[name].is_installed]
        ways = [Way(default, lambda lanes: file.runtime), *(Way(name, file.starter(name)) for name in able)]
    for other in int8:
        reader = readers(other)[0]
        ways.append(Way(reader, partial(open_int8, other, path, threads), other))
    return ways


def _measured(ways: Sequence[Way], question: str, lanes: int) -> Runtime:
    """Open a model in the fastest way, and remember which one that is."""
    runtimes = _opened(ways)
    default, *_ = runtimes.values()
    if default.has_nms or len(runtimes) == 1:
        return default
    ms = measure(runtimes, ROUNDS)
    fastest = min(ms, key=ms.__getitem__)
    _remember(question, {"runtime": fastest, "ms": ms})
    return runtimes[fastest] if lanes == 1 else next(way for way in ways if way.name == fastest).open(lanes)


def measure(runtimes: Mapping[str, Runtime], rounds: int) -> dict[str, float]:
    """Time the network on one image, in each runtime that agrees with the first or runs a file in int8.

    Args:
        runtimes: Runtimes of one network, by name.
        rounds: Largest number of rounds, in each of which every runtime runs one image.

    Returns:
        Median time in milliseconds, by the runtime's name.
    """
    first, *_ = runtimes.values()
    images = trial_images(first.schema)
    expected = first.run(images)
    same = {
        name: runtime
        for name, runtime in runtimes.items()
        if runtime is first or runtime.file or difference(expected, runtime.run(images), first.schema).is_small
    }
    calls = {name: partial(runtime.run, images[:1]) for name, runtime in same.items()}
    return {name: statistics.median(seconds) * 1000 for name, seconds in in_turns(calls, rounds, SECONDS).items()}


def in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int, limit: float = math.inf) -> dict[str, list[float]]:
    """Time functions alternately, so that a change of the machine's speed affects all of them.

    Args:
        calls: Functions to time, by name. Each is called once before the rounds, untimed.
        rounds: Number of rounds, in each of which every function is called once.
        limit: Seconds after which no further round begins. At least three rounds are run.

    Returns:
        Seconds that each call of a function took, by the function's name.
    """
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    began = time.perf_counter()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - began > limit:
            break
        for name, call in calls.items():
            time.sleep(SETTLE)
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _opened(ways: Sequence[Way]) -> dict[str, Runtime]:
    """Open the default runtime, which is the first, and the others. Some of these may not be able to run the model."""
    runtimes: dict[str, Runtime] = {}
    for way in ways:
        try:
            runtimes[way.name] = way.open(1)
        except BadInput:
            if not runtimes or way.file:
                raise
        if way.runtime == "keras" and not on_cpu():
            break
    return runtimes


def _question(paths: Sequence[Path], names: Sequence[str], threads: int | None) -> str:
    """A hash of all that the fastest runtime depends on: the files, the machine, the threads and the versions."""
    versions = {name: RUNTIMES[name].version for name in names}
    parts = ([content_hash(path) for path in paths], processor(), threads or cores(), versions)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _answers() -> Path:
    return cache_folder() / "fastest.json"


def _read_answers() -> dict[str, Any]:
    """Read which runtimes were measured to be the fastest. Empty if the file is missing or damaged."""
    try:
        answers = json.loads(_answers().read_bytes())
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _remembered(question: str) -> str | None:
    answer = _read_answers().get(question)
    name = answer.get("runtime") if isinstance(answer, dict) else None
    return name if isinstance(name, str) else None


def _remember(question: str, answer: dict[str, Any]) -> None:
    answers = {**_read_answers(), question: answer}
    try:
        with new_file(_answers()) as new:
            new.write_text(json.dumps(answers, indent=1), "utf-8")
    except (BadInput, RunFailed):  # the cache folder is not writable, so the next call measures again
        pass
