"""Losses. ``multibox.py`` assembles the loss that trains; the other files are the parts it can be made of.

Every function takes the array namespace ``xp`` it computes with: ``keras.ops`` in training, and ``numpy_ops`` (the
default) where a loss is explained. So the loss that is explained is the loss that trains.
"""
