"""Mice that do as told, filmed by labs that differ."""
