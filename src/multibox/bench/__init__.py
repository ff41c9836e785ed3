"""Benchmarks of Multibox on this machine: preparing examples, training and detection."""
