"""The check of a dataset before training: what is wrong with it, and how well the priors fit its objects."""
