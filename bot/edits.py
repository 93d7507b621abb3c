"""Edits that come together with what they are edits of: after the bot was away, say."""

from collections.abc import Sequence
from dataclasses import replace

from handlers.dialogue.message import Incoming, Kind


def with_newest_text(taken: Sequence[Incoming | None]) -> list[Incoming | None]:
    """Return what came, in order, with the newest wording of each message in place of the earlier ones.

    The edits stay among it: a message may have been handled before, and then comes again with its edit only
    now. Otherwise they say nothing new.
    """
    newest = dict[tuple[str, str, str | None], Incoming]()
    made = list[Incoming | None]()
    for one in reversed(taken):
        if one is not None and one.ref is not None and one.kind in {Kind.MESSAGE, Kind.EDITED}:
            said = (one.address, one.sender, one.ref)
            if one.kind is Kind.EDITED:
                newest.setdefault(said, one)
            if said in newest:
                one = replace(one, text=newest[said].text, markup=newest[said].markup)  # noqa: PLW2901
        made.append(one)
    return made[::-1]
