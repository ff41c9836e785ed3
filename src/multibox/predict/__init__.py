"""Detection in images, videos, cameras and streams, and what is saved of it."""
