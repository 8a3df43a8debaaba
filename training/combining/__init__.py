"""Combinations of recognizers that were cross-validated on the same folds."""
