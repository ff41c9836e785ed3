"""How well trackers follow objects, given the same detections: HOTA, IDF1, MOTA and id switches of each.

    python3 -m venv PEERS && PEERS/bin/pip install -r benchmarks/requirements-tracks.txt
    multibox predict SEQUENCE/img1 --score 0.05 --save jsonl ...    # for each sequence, to DETECTIONS/SEQUENCE.jsonl
    multibox track MODEL SEQUENCE/img1 --save mot ...               # for each sequence, to OURS/SEQUENCE.txt
    python -m benchmarks.tracks DETECTIONS TRUTH --peers PEERS/bin/python --tracks ours=OURS

TRUTH has SEQUENCE/gt/gt.txt and SEQUENCE/seqinfo.ini. Each tracker of the package trackers runs with its defaults, and
with the scores that make a detection count lowered to ``--activate``. All are judged by ``multibox eval-tracks``, whose
requirements are in docs/tracks.md. Prints a Markdown table, the best association (AssA) first.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from multibox.evaluation.tracks import evaluate_tracks

PEERS = Path(__file__).with_name("tracks_peers.py")
HEADINGS = ("tracker", "HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW", "Frag", "tracks", "ms/frame")


def run_peers(python: str, detections: Path, truth: Path, out: Path, activate: float) -> dict[str, float]:
    """Run the trackers in their own environment. Returns each one's milliseconds a frame."""
    command = [python, PEERS, detections, truth, out, "--activate", str(activate)]
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["name"]: one["ms"] for one in told}


def table_row(name: str, folder: Path, truth: Path, min_visibility: float, ms: float | None) -> tuple[float, str]:
    """The association accuracy of a tracker, and its line of the table."""
    found = evaluate_tracks(folder, truth, min_visibility=min_visibility).combined
    accuracies = (found.hota, found.deta, found.assa, found.idf1, found.mota)
    counts = (found.id_switches, found.fragmentations, found.tracks)
    cells = [name, *(f"{value:.3f}" for value in accuracies), *map(str, counts), "" if ms is None else f"{ms:.2f}"]
    return found.assa, f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detections", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    parser.add_argument("--tracks", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--activate", type=float, default=0.3)
    parser.add_argument("--min-visibility", type=float, default=0.0)
    parser.add_argument("--out", type=Path, help="Folder that keeps the peers' tracks.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        speeds = run_peers(options.peers, options.detections, options.truth, out, options.activate)
        folders = {name: (out / name, ms) for name, ms in speeds.items()}
        for given in options.tracks:
            name, _, folder = given.partition("=")
            folders[name] = (Path(folder), None)
        rows = [
            table_row(name, folder, options.truth, options.min_visibility, ms) for name, (folder, ms) in folders.items()
        ]
    print(f"| {' | '.join(HEADINGS)} |\n|---{'|--:' * (len(HEADINGS) - 1)}|")
    for _, row in sorted(rows, reverse=True):
        print(row)


if __name__ == "__main__":
    main()
