"""The drawing kit that training, inference and the pipeline share: pages, figures, tables, progress."""
