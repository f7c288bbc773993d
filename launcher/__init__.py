"""Pointsman as it is installed from a wheel: a launcher around the five packages, which lie in `pointsman/_app`."""
