"""What recognizers are worth, on recordings they never saw."""
