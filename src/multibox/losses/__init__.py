"""Losses. ``multibox.py`` assembles the training loss. The other modules are the parts that it can be made of.

Every function takes the array namespace ``xp`` it computes with: ``keras.ops`` in training, and ``numpy_ops`` (the
default) where a loss is explained. So explanations show exactly the loss that training uses.
"""
