"""Conversations with the whole program, the same ones on Telegram, on Matrix and in the web chat."""
