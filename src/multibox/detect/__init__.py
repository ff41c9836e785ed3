"""From the network's output, and from pictures, to detections."""
