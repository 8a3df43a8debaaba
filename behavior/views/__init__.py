"""What a recognizer sees of a curated recording."""
