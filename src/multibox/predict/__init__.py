"""Detection in images, videos, cameras and streams, and saving the detections."""
