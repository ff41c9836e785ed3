"""Run the plain file with OpenCV as documented: ``python run_opencv.py DOCS FOLDER`` prints what it finds as JSON."""

import json
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np

docs, folder = sys.argv[1:]
(code,) = (
    code
    for code in re.findall(r"```python\n(.*?)```", Path(docs).read_text("utf-8"), re.DOTALL)
    if "def detect" in code
)
os.chdir(folder)
documented: dict = {}
exec(code, documented)
found = documented["detect"](cv2.imread("photo.png"), 0.05)
rows = [[float(score), name, *np.asarray(box, float)] for score, name, *box in found]
print(json.dumps({"version": cv2.__version__, "found": rows}))
