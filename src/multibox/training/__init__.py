"""Training: optimizer, schedule, the run and its files."""
