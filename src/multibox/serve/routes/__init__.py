"""The HTTP routes of the server, with one module for each resource."""
