"""Reads annotations that other tools wrote: recognises their format by content, and pairs them with their images."""
