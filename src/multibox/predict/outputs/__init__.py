"""What is written of predictions: annotated pictures and videos, and what was found in the formats of others."""
