"""The context of one message: who speaks, where, in which language, and what is said back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from handlers.dialogue.message import FileRef, Incoming, Option, Outgoing
from handlers.dialogue.texts import Said, Texts, texts_for
from handlers.dialogue.trace import Edited, Trace
from storage import limits
from storage.conversations import Caller, Conversation, ensure_conversation
from storage.database import Session
from storage.deliveries import Target, add_pushes
from storage.limits import Rate
from storage.mailbox import Letter, get_letter
from storage.people import Person, get_open_accounts

NEW_CHATS = Rate(burst=3, interval=timedelta(hours=1))
"""How often a chat with one person is opened: whoever rejects it is not invited at each reaction."""

Choices = Callable[[Texts], Sequence[Option]]
"""Options whose labels are not bound to a language yet."""


Compose = Callable[[Person, Texts], Outgoing]
"""A message that is not bound to a reader and their language yet."""


class UserError(Exception):
    """What a person did cannot be done: nothing of it is kept, and `text` is what they are told.

    `options` are ways on. `aside`: the person alone is to read it.
    """

    def __init__(self, text: Markup, *options: Option) -> None:
        """Take the sentence, in the person's language, and the options."""
        super().__init__(str(text))
        self.text = text
        self.options = options
        self.aside = False


class FileWanted(Exception):
    """The bytes of the file that somebody sent are needed: the message is to be handled again with them."""


@dataclass(frozen=True, slots=True)
class Site:
    """What handlers know of where they run.

    `zone` is the time zone that dates are said in; `paces` says how many messages a second leave on a
    channel, where there is a limit.
    """

    zone: ZoneInfo
    paces: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One message being handled, inside its transaction.

    `now` is the aware UTC time of the message. What `reply` collects in `replies` is stored and sent by
    the machine after the handler has returned. `stirred` tells it that something else was stored which is
    due soon; `menu_changed`, that the person's list of commands is another one from now on. `trace` is what
    an edit of the message needs, and `edited` what the message did before it was edited.
    """

    session: Session
    incoming: Incoming
    conversation: Conversation
    now: datetime
    site: Site
    replies: list[Outgoing] = field(default_factory=list)
    stirred: bool = False
    menu_changed: bool = False
    edited: Edited | None = None
    trace: Trace = field(init=False)
    _pressed: Letter | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Begin the trace with what the conversation is now."""
        conversation = self.conversation
        self.trace = Trace(conversation.form, conversation.offered, conversation.topic)

    @property
    def person(self) -> Person:
        """Who speaks."""
        return self.conversation.account.person

    @property
    def t(self) -> Texts:
        """The texts in the person's language."""
        return texts_for(self.person.locale, self.site.zone)

    def reply(self, text: Markup, *options: Option) -> None:
        """Say something to the person in a new message."""
        self.replies.append(Outgoing(text, options))

    def revise(self, text: Markup, *options: Option) -> None:
        """Say something in place of the message whose option was pressed.

        It is a new message if none was pressed, or if the pressed one has been replaced already. A file that
        the pressed one carries stays with it.
        """
        self._replace(Outgoing(text, options, file=None if self.replies else self._pressed_file()))

    def show(self, outgoing: Outgoing) -> None:
        """Say something with the file that it carries, or without one.

        It is said as `revise` does, but below the pressed message when that carries another file or none.
        """
        if outgoing.file == (None if self.replies else self._pressed_file()):
            self._replace(outgoing)
        else:
            self.replies.append(outgoing)

    def _replace(self, outgoing: Outgoing) -> None:
        """Say something in place of the pressed message, if that has not been replaced already."""
        replaces = None if self.replies else self.incoming.message_ref
        self.replies.append(replace(outgoing, replaces=replaces))

    def get_pressed(self) -> Letter | None:
        """Return the message of ours whose option was pressed, if one was and it is still kept."""
        incoming = self.incoming
        if incoming.message_ref is None:
            return None
        if self._pressed is None or self._pressed.ref != incoming.message_ref:
            found = get_letter(self.session, incoming.channel, incoming.address, incoming.message_ref)
            self._pressed = found
        return self._pressed

    def _pressed_file(self) -> FileRef | None:
        """Return the file which the message carries whose option was pressed."""
        letter = self.get_pressed()
        return Outgoing.from_json(dict(letter.body)).file if letter is not None else None

    def turn_aside(self) -> bool:
        """Go on with the person alone, where they wrote among others; return False where that cannot be.

        It goes on in the chat that they have with the bot, or in a new one where the platform opens one.
        """
        incoming, account = self.incoming, self.conversation.account
        open_chat = account.address if account.closed_at is None else None
        address = open_chat or incoming.aside
        if address is None or (open_chat is None and not self._may_open_chat()):
            return False
        locale = self.person.locale
        caller = Caller(incoming.channel, incoming.sender, address, private=True, name="", locale=locale)
        self.conversation = ensure_conversation(self.session, caller, self.now)
        self.incoming = replace(
            incoming, address=address, private=True, message_ref=None, answers=None, thread=None
        )
        return True

    def _may_open_chat(self) -> bool:
        """Return whether another chat with the person may be opened, and count it."""
        key = f"chat:{self.incoming.channel}:{self.incoming.sender}"
        return limits.take(self.session, key, NEW_CHATS, self.now)

    def tell_at(self, place: Incoming, text: Markup) -> None:
        """Say something where a message came from, while the answer goes elsewhere."""
        letter = Outgoing(text, thread=place.thread).to_json()
        add_pushes(self.session, [(Target(place.channel, place.address, self.person.id), letter)], self.now)
        self.stirred = True

    def tell(self, person: Person, said: Said, choices: Choices | None = None) -> bool:
        """Say something to somebody else, in their language; return whether they can be reached."""
        return (
            self.tell_all([person], lambda _, t: Outgoing(said(t), tuple(choices(t)) if choices else ())) > 0
        )

    def tell_all(self, people: Sequence[Person], compose: Compose) -> int:
        """Say something to others, each in their language; return how many of them can be reached."""
        self.stirred = True
        return notify(self.session, people, compose, self.site, self.now)


def notify(session: Session, people: Sequence[Person], compose: Compose, site: Site, now: datetime) -> int:
    """Store messages which nobody waits for, each in its reader's language; return how many are reachable."""
    accounts = get_open_accounts(session, [person.id for person in people])
    letters = [
        (
            Target(account.channel, account.address, person.id),
            compose(person, texts_for(person.locale, site.zone)).to_json(),
        )
        for person in people
        if (account := accounts.get(person.id)) is not None and account.address is not None
    ]
    add_pushes(session, letters, now)
    return len(letters)
