#!/usr/bin/env bash
# trackeval 1.3.0: a gap in an object's track is counted only if another object is tracked in the same frame.
#
# Expected: an object that is lost for one frame and found again has one fragmentation, whatever else is in the video.
# Seen: if the frame of the gap has no predicted box at all, CLEAR leaves its loop before it forgets who was tracked. So
# the object counts as tracked throughout, and Frag is 0. With a second object that is tracked without a gap, it is 1.
# Why it matters: Frag of videos with one or two objects is too small, often 0. The same gaps count differently in a
# crowd, so the figure cannot be compared between sequences.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 2>&1 | grep -v '^WARNING' || true
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps trackeval==1.3.0 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
import sys
from contextlib import redirect_stdout
from pathlib import Path

with redirect_stdout(sys.stderr):
    import trackeval

folder, length = Path(sys.argv[1]), 9
for name, objects in {"alone": [1], "beside-another": [1, 2]}.items():
    rows = [(frame, one) for frame in range(1, length + 1) for one in objects]
    text = {row: "{0},{1},{2},20,40,80,1,1,1\n".format(*row, 100 * row[1] + row[0]) for row in rows}
    gap = {(3, 1), (6, 1)}  # the first object is lost twice, for one frame each
    for path, kept in {f"truth/{name}/gt/gt.txt": rows, f"found/mine/data/{name}.txt": [r for r in rows if r not in gap]}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("".join(text[row] for row in kept))
data = trackeval.datasets.MotChallenge2DBox({
    "GT_FOLDER": str(folder / "truth"), "TRACKERS_FOLDER": str(folder / "found"), "SKIP_SPLIT_FOL": True,
    "SEQ_INFO": {"alone": length, "beside-another": length}, "PRINT_CONFIG": False,
})
clear, found = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}), {}
for name in data.seq_list:
    ready = data.get_preprocessed_seq_data(data.get_raw_seq_data("mine", name), "pedestrian")
    figures = clear.eval_sequence(ready)
    found[name] = int(figures["Frag"])
    print(f"{name}: 2 gaps, {figures['CLR_FN']} misses, Frag {found[name]}")
raise SystemExit(0 if found == {"alone": 0, "beside-another": 2} else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py" "$work" 2>/dev/null
# Output seen:
#   alone: 2 gaps, 2 misses, Frag 0
#   beside-another: 2 gaps, 2 misses, Frag 2
