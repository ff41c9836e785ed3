"""Training: the optimizer, the learning rate, the training loop, and the files of a run."""
