"""From the network's outputs to detections: arrays in, arrays out."""
