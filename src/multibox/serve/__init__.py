"""The HTTP server: detection for programs, and a web page to try and understand a detector with."""
