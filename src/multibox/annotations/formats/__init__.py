"""The formats of annotations that can be read, one file each."""
