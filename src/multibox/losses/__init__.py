"""Losses: ``multibox.py`` puts one together; the other files are what it may be made of."""
