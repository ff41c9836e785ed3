"""Benchmarks of Multibox on this machine, and where the time goes."""
