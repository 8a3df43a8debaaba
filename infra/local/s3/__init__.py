"""S3 over plain files: the store, its names and listings, and the HTTP calls in front of it."""
