"""The data tower: from recordings on a disk to curated tables. The same code runs on AWS and on the stand-in on this disk."""
