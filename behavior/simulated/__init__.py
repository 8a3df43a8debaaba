"""Simulated mice with known behavior, in recordings as different labs make them."""
