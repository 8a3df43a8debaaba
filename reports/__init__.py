"""The drawing kit for everyone who reports something: pages, figures, tables, estimates, progress. Pages need jinja2 and matplotlib."""
