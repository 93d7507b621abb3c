"""The machine: configuration, dispatch, outbox, clock, channels and the command line."""
