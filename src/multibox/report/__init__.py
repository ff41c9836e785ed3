"""Reports to look at in a browser: one file each, that needs no other file and no host."""
