"""Reads files of detections written by other programs.

Finds out what their ids and boxes mean, and which rows are unusable.
"""
