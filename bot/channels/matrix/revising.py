"""What was edited or taken back before it was handed over."""

from collections.abc import Sequence
from dataclasses import replace

from bot.channels.matrix import waiting
from bot.channels.matrix.batch import Event, Item, edited_by, redacted_by
from bot.channels.matrix.device_file import DeviceFile
from bot.channels.matrix.waiting import Waiting

Name = tuple[str, str]
"""What an event is known by: its room and its id."""


def revise(file: DeviceFile, items: Sequence[Item], settled: list[int]) -> list[Item]:
    """Return what is left of what happened once redactions and edits are applied to what came before them.

    What was taken back is left out, also where it still waits for its key. An edit of what waits stands for
    it. The numbers of such waiting events are added to `settled`.
    """
    events = [item for item in items if isinstance(item, Event) and item.state_key is None]
    gone = {(event.room_id, found) for event in events if (found := redacted_by(event)) is not None}
    edited = {(event.room_id, found) for event in events if (found := edited_by(event)) is not None}
    if not gone and not edited:
        return list(items)
    late = waiting.find(file, gone | edited)
    settled += [one.number for name, one in late.items() if name in gone]
    left = [item for item in items if not _is_gone(item, gone)]
    return [_in_place(item, late, settled) for item in left]


def _is_gone(item: Item, gone: set[Name]) -> bool:
    if not isinstance(item, Event) or item.state_key is not None:
        return False
    return not gone.isdisjoint({(item.room_id, item.event_id), (item.room_id, edited_by(item) or "")})


def _in_place(item: Item, late: dict[Name, Waiting], settled: list[int]) -> Item:
    edited = edited_by(item) if isinstance(item, Event) else None
    if not isinstance(item, Event) or edited is None:
        return item
    one = late.get((item.room_id, edited))
    # Matrix 1.16, "Event replacements": only the sender's own edits count.
    if one is None or one.number in settled or one.event["sender"] != item.sender:
        return item
    settled.append(one.number)
    content = dict(item.content["m.new_content"])
    content["m.relates_to"] = one.event["content"].get("m.relates_to")
    return replace(item, event_id=edited, content=content, source={**item.source, "event_id": edited})
