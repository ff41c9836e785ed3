"""Detection on a cluster: Ray Data distributes the work, and the detections are written as Parquet."""
