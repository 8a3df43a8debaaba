"""Exports of bouts: one file per format, all from the same tidy table."""
