"""Networks: trunks, extra maps, heads, and the model file."""
