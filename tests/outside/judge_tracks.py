"""Judge tracks by Multibox and by TrackEval: ``python judge_tracks.py TRUTH TRACKERS TRACKER OPTIONS`` prints JSON.

TRUTH has SEQUENCE/gt/gt.txt and TRACKERS has TRACKER/data/SEQUENCE.txt. OPTIONS are those of ``evaluate_tracks``,
as JSON. With the option ``theirs``, TrackEval reads the files too.
"""

import contextlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from multibox.evaluation.tracks import evaluate_tracks

COUNTS = {"id_switches": "IDSW", "fragmentations": "Frag", "misses": "CLR_FN", "false_positives": "CLR_FP"}


def figures(row):
    """TrackEval's results of one sequence, by our names."""
    hota, clear, identity = row["HOTA"], row["CLEAR"], row["Identity"]
    found = {name.lower(): float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")}
    found |= {"idf1": float(identity["IDF1"]), "mota": float(clear["MOTA"])}
    return found | {ours: int(clear[theirs]) for ours, theirs in COUNTS.items()}


def by_trackeval(truth, trackers, tracker):
    """What TrackEval's own readers, preparation and evaluation make of the files."""
    import trackeval

    lengths = {path.parent.name: None for path in Path(truth).glob("*/seqinfo.ini")}
    places = {"GT_FOLDER": truth, "TRACKERS_FOLDER": trackers, "SKIP_SPLIT_FOL": True, "SEQ_INFO": lengths}
    dataset = trackeval.datasets.MotChallenge2DBox(places | {"TRACKERS_TO_EVAL": [tracker], "PRINT_CONFIG": False})
    silent = ("PRINT_RESULTS", "PRINT_CONFIG", "TIME_PROGRESS", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES")
    evaluator = trackeval.Evaluator(dict.fromkeys(silent, False) | {"LOG_ON_ERROR": None})
    quiet = {"PRINT_CONFIG": False}
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
    results, _ = evaluator.evaluate([dataset], metrics)
    rows = results["MotChallenge2DBox"][tracker]
    return {"combined" if name == "COMBINED_SEQ" else name: figures(row["pedestrian"]) for name, row in rows.items()}


_, truth, trackers, tracker, text = sys.argv
options = json.loads(text)
told = {"version": version("trackeval")}
with contextlib.redirect_stdout(sys.stderr):
    if options.pop("theirs", False):
        told["theirs"] = by_trackeval(truth, trackers, tracker)
    told["ours"] = evaluate_tracks(Path(trackers, tracker, "data"), truth, **options).to_json()
print(json.dumps(told))
