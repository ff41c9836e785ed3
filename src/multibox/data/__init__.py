"""Datasets: built from annotated images, stored, checked, split, merged and exported, and a rendered sample."""
