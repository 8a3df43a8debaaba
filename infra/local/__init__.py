"""AWS on this disk: one endpoint in front of a directory, which executes what it is asked to."""
