"""How good detections are: the VOC and the COCO metric."""
