"""From out-of-fold scores to how scores become bouts."""
