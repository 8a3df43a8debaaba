"""What the pipeline needs from AWS, declared once: a stack of data that stays, and a stack of compute that can be made again."""
