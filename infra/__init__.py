"""Where the pipeline runs: what it needs of AWS, declared once, and the same AWS on this disk."""
