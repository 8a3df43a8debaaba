"""Teaching recognizers from curated data."""
