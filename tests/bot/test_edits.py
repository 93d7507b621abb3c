"""Edits that come together with their messages: each message has the newest wording, whoever sent it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.edits import with_newest_text
from handlers.dialogue.message import Incoming, Kind

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)

INCOMING = st.builds(
    Incoming,
    channel=st.just("matrix"),
    event_id=st.uuids().map(str),
    sender=st.sampled_from(["anna", "jan"]),
    address=st.sampled_from(["!1", "!2"]),
    received_at=st.just(NOW),
    kind=st.sampled_from([Kind.MESSAGE, Kind.EDITED, Kind.REACTION, Kind.REDACTED]),
    ref=st.sampled_from(["$1", "$2", None]),
    text=st.text(max_size=3),
)


@given(st.lists(st.none() | INCOMING, max_size=8))
def test_each_message_has_its_senders_last_wording(taken: list[Incoming | None]) -> None:
    made = with_newest_text(taken)
    assert [one and one.event_id for one in made] == [one and one.event_id for one in taken]
    for number, (before, after) in enumerate(zip(taken, made, strict=True)):
        if before is None or after is None:
            continue
        said = (before.address, before.sender, before.ref)
        texts = [
            one.text
            for one in taken[number:]
            if one is not None and one.kind is Kind.EDITED and (one.address, one.sender, one.ref) == said
        ]
        changes = before.ref is not None and before.kind in {Kind.MESSAGE, Kind.EDITED}
        assert after.text == (texts[-1] if texts and changes else before.text)
