"""Fit on out-of-fold scores how scores become bouts."""
