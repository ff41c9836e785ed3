"""Turns a record into a training example: the steps of SSD section 2.2, as functions of arrays.

Read ``example.py`` first: it names the steps in their order. Everything random is drawn before any pixel is touched, in
``plan.py`` for the whole example and in ``shot.py`` for one image. Then follow the steps themselves:

- ``window.py``: which part of the image is shown, and at which zoom;
- ``render.py``: the pixels of that part;
- ``distort.py`` and ``mirror.py``: changes of colour, and mirroring;
- ``match.py``: which prior is matched to which object;
- ``targets.py``: what the network should predict for each prior;
- ``pipeline.py``: all steps together, as batches for a whole run.

Beyond the paper, and off by default: ``mosaic.py``, ``mixup.py``, ``affine.py``, ``cutout.py``, ``quality.py`` and
``atss.py``.
"""
