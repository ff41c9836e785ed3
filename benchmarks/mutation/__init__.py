"""The parts of ``benchmarks/mutate.py``: small valid inputs, damage to them, and the verdict on a command."""
