"""From labelled recordings to one recognizer: what to try, what to choose, what to tell."""
