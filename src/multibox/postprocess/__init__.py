"""Postprocessing: functions over arrays that turn a network's outputs into detections."""
