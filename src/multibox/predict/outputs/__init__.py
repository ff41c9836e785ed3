"""Writing predictions: annotated images and videos, and detections in several formats."""
