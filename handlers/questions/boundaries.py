"""Messages that are not for the knowledge at all, recognised by their shape rather than by likeness."""

import re

# To be told what to believe or to say is no question.
_ORDER = re.compile(
    r"^\W*(?:zapamietaj|powtorz|uznaj|remember|repeat)\b|"
    r"\b(?:napisz|powiedz|potwierdz|przyznaj|say|confirm|write),? (?:ze|that)\b|"
    r"\b(?:ukryte|poprzednie|wczesniejsze|swoje|hidden|previous|prior|your) (?:\w+ )?"
    r"(?:instruk|polecen|instruct)"
)
_ELSEWHERE = (
    r"(?:inn(?:y|ego|ym|e|ych)|slask\w*|krakow\w*|katowic\w*|gliwic\w*|rzeszow\w*|warszaw\w*|gdansk\w*|wroclaw\w*|"
    r"poznan\w*|"
    r"lodz\w*|kielc\w*|lublin\w*|opol\w*|bydgoszcz\w*|lotnicz\w*|energii|wodn\w*|it|"
    r"informatyczn\w*|medyczn\w*|chemiczn\w*|metal\w*|spozywcz\w*|drzewn\w*|meblar\w*|interizon|kubernetes|other|another)"
)
_OTHER_CLUSTER = re.compile(
    rf"\b(?:klast\w*|cluster) (?:(?:w|z|we|in|from) )?{_ELSEWHERE}\b|\b{_ELSEWHERE} (?:klast|cluster)"
)
_NAMING = re.compile(r"\bnazw|\bnazyw|\bnale[zs]|\bname|\bcalled")


def boundary(folded: str) -> str | None:
    """Return the topic of a folded message that no knowledge answers, or None for any other message."""
    if not any(c.isalpha() for c in folded):
        return "no_content"
    if _ORDER.search(folded):
        return "abuse"
    if _OTHER_CLUSTER.search(folded) and not _NAMING.search(folded):
        return "out_of_scope"
    return None
