"""Recognizers of behaviors: one file per family, with one line in `recognizers.families`."""
