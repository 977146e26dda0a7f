"""Orders out, status in: the link contract and its backends."""
