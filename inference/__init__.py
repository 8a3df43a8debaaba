"""Asking recognizers: raw tracks in, bouts, submissions and scores out."""
