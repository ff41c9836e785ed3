#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93: one cv2.FontFace that several threads draw with draws wrong text.
#
# Expected: the same text as in one thread, as with the font constants of cv2.putText.
# Seen: where texts have several sizes and weights, many are drawn wrongly, without an error. The font constants draw
# all texts right in as many threads.
# Why it matters: captions of detections are drawn in threads, and a wrong letter in one of some hundred images is not
# noticed. A face has to be made for each thread.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

TEXTS = [(f"object {number}", 10 + number % 20, 300 + 10 * (number % 30)) for number in range(300)]  # size, weight
shared = cv2.FontFace("sans")


def with_face(job):
    text, size, weight = job
    image = np.zeros((60, 500, 3), np.uint8)
    cv2.putText(image, text, (5, 40), (255, 255, 255), shared, size, weight)
    return image


def with_constant(job):
    text, size, _ = job
    image = np.zeros((60, 500, 3), np.uint8)
    return cv2.putText(image, text, (5, 40), cv2.FONT_HERSHEY_SIMPLEX, size / 20, (255, 255, 255))


def wrong(draw):
    alone = [draw(text) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        together = [image for _ in range(40) for image in pool.map(draw, TEXTS)]
    return sum(not np.array_equal(a, alone[i % len(TEXTS)]) for i, a in enumerate(together))


faces, constants = wrong(with_face), wrong(with_constant)
print(f"wrong of {40 * len(TEXTS)} texts: {'some' if faces else 'none'} with a shared FontFace, {constants} with a constant")
raise SystemExit(0 if faces and not constants else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py"
# Output seen:
#   wrong of 12000 texts: some with a shared FontFace, 0 with a constant
