"""Real clients against a service that listens, over the stub upstream: one file for each client."""
