"""Films: reading them frame by frame, and the small gray pictures that networks see. PyAV is imported only here."""
