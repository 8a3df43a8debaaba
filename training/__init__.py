"""Training of recognizers on curated data."""
