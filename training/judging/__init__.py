"""Evaluation of recognizers on recordings that they never saw."""
