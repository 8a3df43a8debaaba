"""Readers of other programs' files, one file per format, and what makes the raw layout of this project from them."""
