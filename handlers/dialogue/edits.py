"""Edits: a person's last message, once it is edited, counts as if the new text had come instead.

What that takes is kept in the conversation's row: no text, only its fingerprint, and the state before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import blake2b
from typing import Any

from handlers.dialogue.context import Context
from handlers.dialogue.markup import clean_text
from handlers.dialogue.message import Incoming, Kind
from handlers.dialogue.trace import Edited, Effect, Trace
from storage import mailbox


def take_back(ctx: Context) -> None:
    """Turn a new wording of the last message into a message, in the conversation as it was before.

    Any other edit stays one, and everything as it is. Of what has an effect for good nothing is taken back,
    but the options that it chose from are those which the new wording means, too.
    """
    incoming, conversation, last = ctx.incoming, ctx.conversation, ctx.conversation.last
    if incoming.kind is not Kind.EDITED or not is_of_last(ctx) or not last:
        return
    if last["print"] == _fingerprint(incoming, last["form"]):
        return
    edited = Edited(Effect(last["effect"]), last["line"], _refs(ctx, last["answers"]))
    if edited.effect is not Effect.LASTS:
        conversation.form, conversation.topic = last["form"], last["topic"]
    conversation.offered = last["offered"]
    ctx.trace = Trace(conversation.form, conversation.offered, conversation.topic, last["offer"])
    ctx.edited = edited
    # Matrix 1.16, "Event replacements": what it answers is not said again in an edit.
    ctx.incoming = replace(
        incoming, kind=Kind.MESSAGE, answers=last["answered"], thread=last["thread"] or incoming.thread
    )


def is_of_last(ctx: Context) -> bool:
    """Return whether what comes is about the last message of the conversation."""
    return ctx.incoming.ref is not None and ctx.incoming.ref == ctx.conversation.last_ref


def put_in_place(ctx: Context) -> list[int]:
    """Let the answers to an edited message take the place of those before; return which are answers.

    Those are given by their numbers among what is said; the others show something in an older message.
    When there are fewer than before, the last ones give way: what is to be answered next stands below.
    """
    own = [number for number, reply in enumerate(ctx.replies) if reply.replaces is None]
    before = _replaceable(ctx)
    for number, ref in zip(own, list(before.values())[_surplus(before, own) :], strict=False):
        ctx.replies[number] = replace(ctx.replies[number], replaces=ref)
    return own


def remember(ctx: Context, answers: Sequence[int]) -> None:
    """Keep what an edit of this message needs; `answers` are the ids of the messages that answer it.

    After a message that was let be the one before it is still the last.
    """
    if not ctx.replies:
        return
    incoming, conversation = ctx.incoming, ctx.conversation
    ref, last = incoming.ref, dict[str, Any]()
    if incoming.kind is Kind.EDITED:  # of an older message: below what is said to it nothing is taken back
        ref = None
    if ref is not None:
        last, before = asdict(ctx.trace), _replaceable(ctx)
        answers = [*list(before)[: _surplus(before, answers)], *answers]
        last |= {"answers": answers, "answered": incoming.answers, "thread": incoming.thread}
        if ctx.trace.effect is Effect.LASTS:  # a form that was sent or cancelled is not kept
            last |= {"form": {}, "topic": None}
        last["print"] = _fingerprint(incoming, last["form"])
    if (ref, last) != (conversation.last_ref, conversation.last):
        conversation.last_ref, conversation.last = ref, last


def _fingerprint(incoming: Incoming, form: dict[str, Any]) -> str:
    """Return the fingerprint of what a message says; within a form its formatting may count, too."""
    said = [incoming.ref, clean_text(incoming.text), incoming.markup if form else None]
    return blake2b(repr(said).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _refs(ctx: Context, ids: Sequence[int]) -> dict[int, str | None]:
    """Return the platform's ids of messages of ours, by our own."""
    known = mailbox.get_letters(ctx.session, ids)
    return {one: known[one].ref if one in known else None for one in ids}


def _replaceable(ctx: Context) -> Mapping[int, str | None]:
    """Return the answers of which others take the place, as `Edited` has them."""
    return ctx.edited.answers if ctx.edited is not None and ctx.edited.gives_way_to(ctx.trace) else {}


def _surplus(before: Mapping[int, str | None], own: Sequence[int]) -> int:
    """Return how many more answers there were before."""
    return max(len(before) - len(own), 0)
