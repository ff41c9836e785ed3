"""Evaluation of detections: the metrics of PASCAL VOC and COCO, error analysis, and reports."""
