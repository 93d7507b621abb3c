"""Dispatch: one incoming message is one transaction, which ends in outbox rows."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from markupsafe import Markup

from bot.channel import TooBig
from bot.log import describe
from bot.outbox import Outbox
from bot.signals import CLOCK, OUTBOX, Signals
from bot.store import Store
from handlers.dialogue import edits
from handlers.dialogue.context import Context, FileWanted, Site, UserError
from handlers.dialogue.markup import clean_text
from handlers.dialogue.message import Attached, FileProblem, Incoming, Kind, Option, Outgoing, RoomState
from handlers.dialogue.router import Router, menu_option
from handlers.dialogue.texts import texts_for
from storage import closing, conversations, deliveries, limits, mailbox, rooms
from storage.database import Database, Session, StoreUnavailable
from storage.deliveries import Birth, Due, Target
from storage.files import MAX_FILE_BYTES
from storage.limits import Rate

log = logging.getLogger(__name__)

TALK = Rate(burst=50, interval=timedelta(seconds=1))
"""How fast one person may write: fifty messages at once, then one a second.

So many may well have come while the program was away, and all of them are answered.
"""

MAX_NAME = 80
"""How many characters of the name that a platform tells are kept."""

PAUSE = timedelta(seconds=60)
"""How long somebody who wrote faster is not answered."""

FETCH_SECONDS = 60.0
"""How long it may take to fetch a file: what the same person writes meanwhile waits for it."""

Say = Callable[[Context], None]

BirthOf = Callable[[str, str], Birth]
"""Tells how an answer on a channel to an address is to be stored."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a message led to: answers to be sent at once, and whether anything else is due soon.

    `handed_over`: another process sends the answers.
    """

    answers: Sequence[Due] = ()
    stirred: bool = False
    handed_over: bool = False


NOTHING = Done()


class Handling:
    """Handles messages, synchronously: everything between an incoming message and its committed rows."""

    def __init__(self, database: Database, router: Router, site: Site, birth: BirthOf) -> None:
        """Take what a message passes through; `birth` says how an answer to a channel's address is stored."""
        self._database = database
        self._router = router
        self._site = site
        self._birth = birth

    def handle(self, incoming: Incoming) -> Done:
        """Handle one message in one transaction; what cannot be done is explained in another.

        Raises StoreUnavailable when nothing could be stored: the message is to be handed in again; and
        FileWanted, nothing stored either, when it is to be handed in with the bytes of its file.
        """
        try:
            return self._database.write(partial(self._work, incoming, self._router.handle))
        except UserError as error:
            say = partial(_explain, error)
        except (StoreUnavailable, FileWanted):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told a number
            number = secrets.token_hex(4)
            log.error("error %s, a message of %s: %s", number, incoming.channel, describe(error))  # noqa: TRY400
            say = partial(_apologise, number)
        return self._database.write(partial(self._work, incoming, say))

    def _work(self, incoming: Incoming, say: Say, session: Session) -> Done:
        """Do everything that one message asks for, inside its transaction."""
        now = incoming.received_at
        if not conversations.add_receipt(session, incoming.channel, incoming.event_id, now):
            return NOTHING
        if (done := _note(session, incoming)) is not None:
            return done
        ctx = self._context(session, incoming)
        if not limits.take(session, _limit_key(incoming), TALK, now):
            say = _slow_down
        else:
            edits.take_back(ctx)
        say(ctx)
        if ctx.menu_changed and ctx.replies:
            menu = tuple(self._router.menu(ctx.t, coordinates=ctx.person.coordinates))
            ctx.replies[-1] = replace(ctx.replies[-1], menu=menu)
        answers = self._store_replies(ctx)
        return Done(answers, ctx.stirred, handed_over=len(answers) < len(ctx.replies))

    def _context(self, session: Session, incoming: Incoming) -> Context:
        """Return the context of a message: its conversation, ensured and locked."""
        locale = texts_for(incoming.language, self._site.zone).locale
        name = " ".join(clean_text(incoming.name).split())[:MAX_NAME].strip()
        caller = conversations.Caller(
            incoming.channel, incoming.sender, incoming.address, incoming.private, name, locale
        )
        conversation = conversations.ensure_conversation(session, caller, incoming.received_at)
        return Context(session, incoming, conversation, incoming.received_at, self._site)

    def _store_replies(self, ctx: Context) -> list[Due]:
        """Store what was said back, with the options that the next message may name.

        Returns what is to be sent from here.
        """
        answers = edits.put_in_place(ctx)
        offered = [[option.label, option.value] for outgoing in ctx.replies for option in outgoing.options]
        if ctx.replies and offered != ctx.conversation.offered:
            ctx.conversation.offered = offered
        target = Target(ctx.incoming.channel, ctx.incoming.address, ctx.person.id)
        birth = self._birth(ctx.incoming.channel, ctx.incoming.address)
        if ctx.replies:
            birth = deliveries.birth_behind(ctx.session, target, birth, ctx.now)
        stored = [
            deliveries.add_reply(ctx.session, target, _body(outgoing, ctx.incoming), birth, ctx.now)
            for outgoing in ctx.replies
        ]
        edits.remember(ctx, [stored[number].id for number in answers])
        return [due for due in stored if due.owner is not None]


class Dispatcher:
    """Receives the messages of every channel and sets off what follows from them."""

    def __init__(self, store: Store, handling: Handling, outbox: Outbox, signals: Signals) -> None:
        """Take what handles a message, and what is told of what it leads to."""
        self._store = store
        self._handling = handling
        self._outbox = outbox
        self._signals = signals

    async def receive(self, incoming: Incoming) -> None:
        """Handle one message and return once that is committed; the answers are on their way then.

        Raises StoreUnavailable when nothing could be stored: the message is to be handed in again.
        """
        try:
            done = await self._store.run(partial(self._handling.handle, incoming))
        except FileWanted:
            incoming = replace(incoming, file=await fetch(incoming))
            done = await self._store.run(partial(self._handling.handle, incoming))
        self._outbox.send_now(done.answers)
        if done.stirred or done.handed_over:
            self._signals.tell(OUTBOX)
        if done.stirred:
            self._signals.tell(CLOCK)


async def fetch(incoming: Incoming) -> Attached | None:
    """Return the file of a message with its bytes, or with the reason why they are not there."""
    file = incoming.file
    if file is None:
        return None
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            data = await file.fetch(MAX_FILE_BYTES)
    except TooBig:
        return replace(file, problem=FileProblem.TOO_BIG)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person is asked to send it again
        log.warning("a file on %s could not be fetched: %s", incoming.channel, describe(error))
        return replace(file, problem=FileProblem.LOST)
    return replace(file, data=data)


def _note(session: Session, incoming: Incoming) -> Done | None:
    """Note what is to be known of a chat and needs no answer; return None for anything else."""
    channel, address = incoming.channel, incoming.address
    match incoming.kind:
        case Kind.CLOSED:
            return Done(stirred=closing.set_address_closed(session, channel, address, incoming.received_at))
        case Kind.MOVED:
            conversations.set_address_moved(session, channel, address, incoming.moved_to or address)
            return NOTHING
        case Kind.REDACTED:
            conversations.set_taken_back(session, channel, address, incoming.ref or "")
            return NOTHING
        case Kind.REACTION if not _reacts_to_ours(session, incoming):
            return NOTHING
    if incoming.room is not None:
        _keep_room(session, incoming, incoming.room)
        return NOTHING
    return None


def _keep_room(session: Session, incoming: Incoming, state: RoomState) -> None:
    """Keep who is in a room with others."""
    title = " ".join(clean_text(state.title).split())[:MAX_NAME].strip()
    rooms.set_room(session, incoming.channel, incoming.address, title, state.people)


def _reacts_to_ours(session: Session, incoming: Incoming) -> bool:
    """Return whether a reaction is to a message of ours: else nothing is kept of who reacted."""
    answered = incoming.answers
    return answered is not None and (
        mailbox.get_letter(session, incoming.channel, incoming.address, answered) is not None
    )


def _limit_key(incoming: Incoming) -> str:
    """Return the key under which a person's messages are counted."""
    return f"talk:{incoming.channel}:{incoming.sender}"


def _slow_down(ctx: Context) -> None:
    """Ask once to slow down; then say nothing until the pause is over."""
    key = _limit_key(ctx.incoming)
    if limits.take(ctx.session, f"told:{key}", Rate(1, PAUSE), ctx.now):
        limits.set_paused(ctx.session, key, ctx.now + PAUSE)
        text = ctx.t("That was a lot at once. I will read on in a minute: please write again then.")
        _say_what_is_wrong(ctx, text)


def _say_what_is_wrong(ctx: Context, text: Markup, *options: Option) -> None:
    """Say what is wrong; with a reaction, to who reacted only: a room does not see what it was about."""
    to_room = ctx.incoming.kind is Kind.REACTION and not ctx.incoming.private
    if not to_room or ctx.turn_aside():
        ctx.reply(text, *options)


def _explain(error: UserError, ctx: Context) -> None:
    """Tell a person what cannot be done."""
    if error.aside:
        ctx.turn_aside()
    _say_what_is_wrong(ctx, error.text, *error.options)


def _apologise(number: str, ctx: Context) -> None:
    """Tell a person that something broke here."""
    text = ctx.t(
        "Something went wrong on my side and nothing was saved. Please try again; if it happens once more, "
        "tell the coordinator this number: {number}.",
        number=number,
    )
    _say_what_is_wrong(ctx, text, menu_option(ctx))


def _body(outgoing: Outgoing, incoming: Incoming) -> dict[str, Any]:
    """Return an answer as it is stored: in the thread of what it answers."""
    return (replace(outgoing, thread=incoming.thread) if incoming.thread is not None else outgoing).to_json()
