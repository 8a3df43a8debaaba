"""Benchmarks: ratios of one run on one machine, printed, never asserted."""
