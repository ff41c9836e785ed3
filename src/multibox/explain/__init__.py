"""Explanations of a detector: the steps of SSD on one image, with the detector's own numbers.

Read ``cells.py`` first, for the positions of the priors, then ``origin.py``, for the origin of each detection. The
other files show training: ``matching.py`` and ``loss.py`` explain what the network learns from an image, and
``augmentation.py`` explains how the image is changed before. ``browsing.py`` finds images worth explaining.
"""
