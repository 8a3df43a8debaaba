"""The report of a run as one page: what the recognizer says about recordings that it never saw, and how right it is."""
