"""Help with labels: boxes that look wrong, and proposals for labelling tools."""
