"""Why a detector says what it says: the steps of SSD on one picture, with the detector's own numbers.

Read ``cells.py`` first: where the network looks. Then ``detections.py``: how a detection comes about. Then the other
way: ``matching.py`` and ``loss.py``, what training would ask of the network, and ``augmentation.py``, what it would be
shown. ``browsing.py`` finds pictures worth looking at.
"""
