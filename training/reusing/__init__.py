"""Reuse of a recognizer on other recordings: what each rung of the ladder gains, held out."""
