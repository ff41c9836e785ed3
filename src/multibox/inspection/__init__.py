"""Inspection of a dataset before anything trains on it: what is wrong, and how well the priors fit."""
