"""What is in a dataset, looked at before anything trains on it: what is wrong, and how well the priors fit."""
