"""From the network's output to detections: arrays in, arrays out."""
