"""The service: a real server on a socket, asked by real clients."""
