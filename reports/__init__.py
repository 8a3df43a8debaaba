"""Pages, figures, tables, estimates and progress for all reports. Pages need jinja2 and matplotlib."""
