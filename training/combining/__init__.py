"""Recognizers made of recognizers that were cross-validated alike."""
