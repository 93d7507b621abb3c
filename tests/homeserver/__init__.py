"""A real homeserver for tests and measurements of the Matrix channel, and members who talk on it."""
