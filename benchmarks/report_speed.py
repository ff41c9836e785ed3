"""How long an evaluation report takes: 4952 images, a million detections at random, the 50 worst images drawn.

python -m benchmarks.report_speed [--detections 1000000] [--profile]

Each part is measured alone, in seconds of this process and in seconds of the clock; then the whole report is.
"""

import argparse
import cProfile
import json
import pstats
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.voc_speed import make_found, make_truth
from multibox.evaluation.bootstrap import draw_weights, resampled_ap
from multibox.evaluation.coco import coco
from multibox.evaluation.compare import compare
from multibox.evaluation.evaluate import Evaluation
from multibox.evaluation.figures import Figures
from multibox.evaluation.outcomes import find_outcomes
from multibox.evaluation.pairs import areas
from multibox.evaluation.report import write_report
from multibox.evaluation.test_set import TestSet
from multibox.evaluation.tide import tide
from multibox.evaluation.voc import voc


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What it gives, and how long it took."""
    clock, process = time.perf_counter(), time.process_time()
    result = work()
    return result, {
        "seconds": round(time.perf_counter() - clock, 2),
        "process": round(time.process_time() - process, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detections", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=4952)
    parser.add_argument("--objects", type=int, default=14976)
    parser.add_argument("--profile", action="store_true", help="also print where the time of the report goes")
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    truth = make_truth(rng, arguments.images, arguments.objects)
    truth = replace(truth, area=areas(truth.boxes))
    found = make_found(rng, truth, arguments.detections)
    photo = rng.integers(0, 256, (375, 500, 3)).astype(np.uint8)
    case = find_outcomes(truth, found)

    parts = {
        "voc": lambda: voc(truth, found),
        "coco": lambda: coco(truth, found),
        "tide": lambda: tide(truth, found),
        "bootstrap": lambda: resampled_ap(case, draw_weights(arguments.images)),
    }
    seconds = {name: timed(work)[1] for name, work in parts.items()}

    class Photos(TestSet):
        def pixels(self, position: int) -> np.ndarray:
            return photo

    def report(folder: Path) -> int:
        return write_report(Evaluation("random", Photos((), truth), found), folder).stat().st_size

    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.profile:
            profiler.enable()
        size, seconds["whole report"] = timed(lambda: report(Path(folder) / "report"))
        profiler.disable()
    other = found.keep(rng.random(len(found)) < 0.9)
    _, seconds["comparison"] = timed(lambda: compare(Figures(truth, found), Figures(truth, other), "other"))
    print(json.dumps({"detections": len(found), "images": arguments.images, "page_bytes": size, **seconds}, indent=1))
    if arguments.profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
