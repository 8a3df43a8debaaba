"""What a run found, as people read it."""
