"""The service from Python, with the client that OpenAI publishes."""
