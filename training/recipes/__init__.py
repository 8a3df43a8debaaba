"""Recipes: the whole configurations of networks and trees, by name."""
