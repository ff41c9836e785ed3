#!/usr/bin/env bash
# trackers 2.6.1: evaluate_mot_sequence gives perfect tracks the score 0 if their class number is not 1.
#
# Expected: a file of tracks that is compared with itself has MOTA, HOTA and IDF1 of 1, whatever class column 8 names.
# Seen: truth of another class is dropped, and nothing is said. Predictions on it are false positives, as for class 3, or
# are dropped too, as for class 2. The classes are those of the benchmark MOT17, where 1 is a pedestrian and 2, 7, 8 and 12
# are distractors. Neither the function's documentation nor the help of `trackers eval` says so.
# Why it matters: whoever tracks vehicles or several classes with numbers of their own gets figures of the first class
# alone, made worse by all others. They look like a bad tracker.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check trackers==2.6.1 supervision==0.31.2 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
import sys
import warnings
from pathlib import Path

from trackers.eval import evaluate_mot_sequence

folder, found = Path(sys.argv[1]), {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for classes in ([1, 1], [2, 2], [3, 3], [1, 3]):
        rows = [(frame, i + 1, 100 * i + frame, label) for frame in range(1, 11) for i, label in enumerate(classes)]
        text = "".join(f"{frame},{i},{left},20,40,80,1,{label},1\n" for frame, i, left, label in rows)
        for name in ("truth.txt", "tracks.txt"):
            (folder / name).write_text(text)
        told = evaluate_mot_sequence(folder / "truth.txt", folder / "tracks.txt", ["CLEAR", "HOTA", "Identity"])
        figures = told.CLEAR.MOTA, round(told.HOTA.HOTA, 3), round(told.Identity.IDF1, 3), told.CLEAR.CLR_FP
        found[tuple(classes)] = figures
        print("classes {}: MOTA {}, HOTA {}, IDF1 {}, {} false positives".format(classes, *figures))
print(f"{len(caught)} warnings")
expected = {(1, 1): (1, 1, 1, 0), (2, 2): (0, 0, 0, 0), (3, 3): (0, 0, 0, 20), (1, 3): (0, 0.707, 0.667, 10)}
raise SystemExit(0 if found == expected and not caught else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py" "$work" 2>/dev/null
# Output seen:
#   classes [1, 1]: MOTA 1.0, HOTA 1.0, IDF1 1.0, 0 false positives
#   classes [2, 2]: MOTA 0.0, HOTA 0.0, IDF1 0.0, 0 false positives
#   classes [3, 3]: MOTA 0.0, HOTA 0.0, IDF1 0.0, 20 false positives
#   classes [1, 3]: MOTA 0.0, HOTA 0.707, IDF1 0.667, 10 false positives
#   0 warnings
