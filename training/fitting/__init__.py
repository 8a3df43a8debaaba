"""From material and a recipe to a recognizer."""
