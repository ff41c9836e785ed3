"""Detection over HTTP, and a page to try and understand a detector with."""
