"""What to label next, and what is labelled wrongly."""
