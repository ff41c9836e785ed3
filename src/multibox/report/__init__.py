"""Reports for a browser. Each is one HTML file that needs no other file and no network."""
