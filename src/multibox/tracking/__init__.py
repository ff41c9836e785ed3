"""Tracking: the ids of objects through a video, and counts of what crosses lines and enters zones."""
