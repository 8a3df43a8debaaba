"""Clips: short films of mice as skeletons, over the footage if there is some. Pillow draws, PyAV decodes and encodes."""
