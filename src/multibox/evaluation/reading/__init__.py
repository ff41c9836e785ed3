"""Reading files of detections that other programs wrote: what their numbers mean, and which rows cannot be used."""
