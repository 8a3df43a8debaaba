"""The control plane: moto behind a journal, so that what it holds outlives its process."""
