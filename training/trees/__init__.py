"""Growing boosted trees: their recipe, rows and session."""
