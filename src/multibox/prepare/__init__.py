"""From a record to a training example: the steps of SSD section 2.2, each a pure function of arrays.

Read ``example.py`` first: it names the steps in their order. Then ``window.py`` (what part of the image, at which
zoom), ``render.py`` (its pixels), ``distort.py`` and ``mirror.py`` (how it may look), ``match.py`` (which prior answers
for which object), ``targets.py`` (what the network should say), and ``pipeline.py`` (all of it, for a whole run).

Beyond the paper, and off unless the configuration switches them on: ``mosaic.py``, ``mixup.py``, ``affine.py``,
``cutout.py``, ``quality.py``, ``atss.py``.
"""
