"""Run a network of Caffe with OpenCV 4: ``python run_caffe.py PROTOTXT CAFFEMODEL INPUTS.npy OUTPUTS.npz``."""

import json
import sys

import cv2
import numpy as np

text, weights, inputs, outputs = sys.argv[1:]
network = cv2.dnn.readNetFromCaffe(text, weights)
found = {}
for i, blob in enumerate(np.load(inputs)):
    network.setInput(np.ascontiguousarray(blob[None]))
    boxes, classes, detections = network.forward(["mbox_loc", "mbox_conf", "detection_out"])
    found |= {f"boxes_{i}": boxes, f"classes_{i}": classes, f"detections_{i}": detections}
np.savez(outputs, **found)
print(json.dumps({"version": cv2.__version__}))
