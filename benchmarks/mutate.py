"""Damage small valid inputs of everything that Multibox reads, and run its commands on them.

python benchmarks/mutate.py [--count 10000] [--seed 0] [--only KIND] [--keep DIR] [--json]

Inputs are datasets in every layout, images, model files, weights of other projects, configurations, detections, and
bodies of requests to the server. Each command has to end in success, or in one line with exit code 2; within 10 s, with
at most 1 GB more memory than an idle worker, and without leaving anything behind. The commands run in forked workers of
a hundred inputs. A worker without a result for 30 s is killed, and the next goes on behind the input at fault.

Prints a table of counts by kind. Ends with 1 if an input failed. Where a signal ended a worker inside another library,
the input is counted as a crash, which is no failure of Multibox. It is described in words, and never kept.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.mutation.changes import Content, damaged  # noqa: E402
from benchmarks.mutation.seed import Command, Seed  # noqa: E402
from benchmarks.mutation.seeds import KINDS, all_seeds  # noqa: E402
from benchmarks.mutation.verdict import Verdict, judge, memory, write_input, write_known  # noqa: E402

TOGETHER, PATIENCE = 100, 30
"""Inputs of a worker, and seconds without a result after which a worker is killed."""

HEAVY = (
    *("multibox.data.build", "multibox.inspection.check_dataset", "multibox.inspection.checkup_page", "onnxruntime"),
    *("multibox.predict.outputs.saving", "multibox.evaluation.evaluate", "multibox.evaluation.report", "h5py"),
    *("multibox.serve.app", "multibox.draw", "httpx", "pillow_heif", "multibox.inspection.propose_priors"),
)
"""Modules that most commands import. They are imported once, before the workers are forked."""

FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Input:
    """A damaged input.

    Attributes:
        number: Position in the endless order of inputs of a seed.
        seed: Small valid input that was damaged.
        content: Damaged files.
        command: Command that reads it.
        done: What was done to it, in words.
    """

    number: int
    seed: Seed
    content: Content
    command: Command
    done: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A verdict on a damaged input. The ending ``crash`` is a worker that a signal ended."""

    number: int
    kind: str
    name: str
    command: Command
    done: tuple[str, ...]
    ending: str
    words: str
    seconds: float = 0
    megabytes: int = 0
    noise: str = ""


class Inputs:
    """All damaged inputs, in an endless order that depends on the seed alone.

    Args:
        random_seed: Random seed.
        only: Kind of inputs to make. None makes all kinds in turn.
        quick: Whether to leave out what takes a second.
    """

    def __init__(self, random_seed: int, only: str | None = None, *, quick: bool = False):
        self.random_seed = random_seed
        seeds = [seed for seed in all_seeds() if only in (None, seed.kind) and not (quick and seed.slow)]
        self.kinds = [[seed for seed in seeds if seed.kind == kind] for kind in KINDS if only in (None, kind)]
        made = _in_child(lambda: [seed.make() for seed in seeds])
        self._contents: dict[tuple[str, str], Content] = {
            (seed.kind, seed.name): content for seed, content in zip(seeds, made, strict=True)
        }

    def __getitem__(self, number: int) -> Input:
        """One input. Kinds take turns, then the seeds of a kind."""
        rng = Random(f"{self.random_seed}/{number}")
        kind = self.kinds[number % len(self.kinds)]
        seed = kind[number // len(self.kinds) % len(kind)]
        donors = [held for held in self._contents[_key(rng.choice(kind))].values() if held]
        content = self._contents[_key(seed)]
        content, done = damaged(rng, content, seed.may_change, rng.choice(donors))
        return Input(number, seed, content, rng.choice(seed.commands), tuple(done))


def _key(seed: Seed) -> tuple[str, str]:
    return seed.kind, seed.name


def _in_child(work: Callable[[], object]) -> object:
    """What a function returns, run in a forked process, so that no thread is started in this one."""
    here, there = FORK.Pipe(duplex=False)
    child = FORK.Process(target=lambda: there.send(work()))
    child.start()
    there.close()
    try:
        return here.recv()
    finally:
        child.join()


def run(inputs: Inputs, count: int, folder: Path, keep: Path | None = None) -> Iterator[Result]:
    """Judge inputs in workers.

    Args:
        inputs: The inputs.
        count: Number of inputs.
        folder: Empty folder for the files of the commands.
        keep: Folder to write the inputs of failures to. None keeps none.
    """
    for name in HEAVY:
        with suppress(ImportError):
            importlib.import_module(name)
    known = folder / "known"
    _in_child(lambda: write_known(known))
    number = 0
    while number < count:
        here, there = FORK.Pipe(duplex=False)
        last = min(count, number + TOGETHER)
        worker = FORK.Process(target=_work, args=(inputs, number, last, known, keep, there))
        worker.start()
        there.close()
        while number < last:
            verdict = _next(here)
            if verdict is None:
                ended = _ended(worker)
                if isinstance(ended, Verdict) and keep is not None:
                    _keep(inputs[number], ended.words, keep)
                yield _result(inputs[number], ended)
                number += 1
                break
            yield _result(inputs[number], verdict)
            number += 1
        worker.join(PATIENCE)
        worker.kill()


def _work(inputs: Inputs, first: int, last: int, known: Path, keep: Path | None, there: Connection) -> None:
    """Judge inputs, and send the verdicts."""
    os.setpgrp()
    idle = memory()
    for number in range(first, last):
        given = inputs[number]
        verdict = judge(given.command, given.content, known, idle)
        if verdict.ending == "failure" and keep is not None:
            _keep(given, verdict.words, keep)
        there.send(verdict)
    there.close()
    os._exit(0)  # threads of a server would be waited for


def _next(here: Connection) -> Verdict | None:
    """The next verdict of a worker. None if it has died, or does not answer."""
    try:
        return here.recv() if here.poll(PATIENCE) else None
    except (EOFError, OSError):
        return None


def _ended(worker: multiprocessing.process.BaseProcess) -> Verdict | str:
    """The verdict on an input whose worker died, or had to be killed."""
    worker.join(0.5)
    if worker.exitcode is None:
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.join()
        return Verdict("failure", f"gave no result for {PATIENCE} s", PATIENCE)
    name = signal.Signals(-worker.exitcode).name if worker.exitcode < 0 else f"exit code {worker.exitcode}"
    return name


def _result(given: Input, verdict: Verdict | str) -> Result:
    about = given.number, given.seed.kind, given.seed.name, given.command, given.done
    if isinstance(verdict, str):
        return Result(*about, "crash", f"{verdict} in another library")
    return Result(*about, verdict.ending, verdict.words, verdict.seconds, verdict.megabytes, verdict.noise)


def _keep(given: Input, words: str, keep: Path) -> None:
    """Write a failed input, and what it did, for whoever corrects it."""
    folder = keep / f"{given.number:05}-{given.seed.kind}"
    write_input(folder, given.content)
    about = [f"multibox {' '.join(given.command)}", given.seed.name, *given.done, "", words]
    (folder / "words.txt").write_text("\n".join(about), "utf-8", errors="backslashreplace")


def table(results: Sequence[Result]) -> str:
    """Counts by kind, as text."""
    rows = [
        f"{'kind':16}{'inputs':>8}{'successes':>11}{'refusals':>10}{'failures':>10}{'crashes':>9}{'longest':>10}{'memory':>11}"
    ]
    for kind in (*KINDS, "all"):
        of_kind = [each for each in results if kind in (each.kind, "all")]
        if of_kind:
            ends = Counter(each.ending for each in of_kind)
            counts = f"{ends['success']:11,}{ends['refusal']:10,}{ends['failure']:10,}{ends['crash']:9,}"
            longest, most = max(each.seconds for each in of_kind), max(each.megabytes for each in of_kind)
            rows.append(f"{kind:16}{len(of_kind):8,}{counts}{longest:8.1f} s{most:8,} MB")
    noisy = sum(bool(each.noise) for each in results)
    return "\n".join(
        [*rows, f"{noisy:,} made another library print something of its own, such as libpng about a damaged image"]
    )


def described(result: Result) -> str:
    """A failure or crash in a few lines: the input, the command, and the end of what went wrong."""
    words = "\n    ".join(result.words.strip().splitlines()[-4:])
    about = f"{result.ending} {result.number} {result.kind}, {result.name}: {' '.join(result.command)}"
    return f"{about}\n  {'; '.join(result.done)}\n    {words}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="Number of damaged inputs.")
    parser.add_argument("--seed", type=int, default=0, help="Random seed of the damage.")
    parser.add_argument("--only", choices=KINDS, help="The only kind of inputs.")
    parser.add_argument("--keep", type=Path, help="Folder to write the inputs of failures to.")
    parser.add_argument("--json", action="store_true", help="Print all results as JSON.")
    arguments = parser.parse_args()
    started, results = time.perf_counter(), []
    with tempfile.TemporaryDirectory(prefix="multibox-mutate-") as folder:
        for result in run(Inputs(arguments.seed, arguments.only), arguments.count, Path(folder), arguments.keep):
            results.append(result)
            if result.ending in ("failure", "crash"):
                print(described(result).encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)
    print(json.dumps([vars(each) for each in results]) if arguments.json else table(results))
    print(f"{len(results):,} inputs in {(time.perf_counter() - started) / 60:.1f} min", file=sys.stderr)
    sys.exit(1 if any(each.ending == "failure" for each in results) else 0)


if __name__ == "__main__":
    main()
