"""Recognizers say what was seen: one file per family, one line each in `recognizers.families`."""
