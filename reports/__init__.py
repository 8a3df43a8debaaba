"""The drawing kit: pages, figures, tables and estimates for everyone who reports something. Needs jinja2 and matplotlib."""
