"""Training data: the curated zone, folds, datasets."""
