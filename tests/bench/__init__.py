"""The benchmark behind `make bench`: the whole bot against bare echoes on the same fake Telegram."""
