"""The web page to try and understand a detector: static files, for the HTTP server and for sites without a server."""
