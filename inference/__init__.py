"""Inference: from raw tracks to bouts, submissions and scores."""
