"""What MediaPipe's object detector finds in images: ``read_mediapipe.py MODEL SCORE IMAGE...``, as JSON."""

import json
import sys
from importlib.metadata import version

import mediapipe
from mediapipe.tasks.python import BaseOptions, vision

model, score, *paths = sys.argv[1:]
options = vision.ObjectDetectorOptions(
    base_options=BaseOptions(model_asset_path=model), score_threshold=float(score), max_results=-1
)
with vision.ObjectDetector.create_from_options(options) as detector:
    images = [
        [
            {
                "class": category.category_name,
                "score": category.score,
                "box": [box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height],
            }
            for found in detector.detect(mediapipe.Image.create_from_file(path)).detections
            for box in [found.bounding_box]
            for category in found.categories
        ]
        for path in paths
    ]
print(json.dumps({"version": version("mediapipe"), "images": images}))
