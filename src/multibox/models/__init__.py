"""SSD networks: trunks, extra feature maps, heads, and the model file."""
