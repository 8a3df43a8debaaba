"""The data tower: plain AWS code that carries recordings from a disk to curated tables. It does not know whether AWS is near or far."""
