"""Questions in plain words: the knowledge, the ranking and the choice of an answer."""
