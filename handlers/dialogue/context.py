"""The context of one message: who speaks, where, in which language, and what is said back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from handlers.dialogue.message import Incoming, Option, Outgoing
from handlers.dialogue.texts import Said, Texts, texts_for
from storage.conversations import Caller, Conversation, ensure_conversation
from storage.database import Session
from storage.deliveries import Target, add_pushes
from storage.people import Person, get_open_accounts

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


@dataclass(frozen=True, slots=True)
class Site:
    """What handlers know of where they run: the time zone that dates are said in."""

    zone: ZoneInfo


@dataclass(slots=True)
class Context:
    """One message being handled, inside its transaction.

    `now` is the aware UTC time of the message. What `reply` collects in `replies` is stored and sent by
    the machine after the handler has returned. `stirred` tells it that something else was stored which is
    due soon; `menu_changed`, that the person's list of commands is another one from now on.
    """

    session: Session
    incoming: Incoming
    conversation: Conversation
    now: datetime
    site: Site
    replies: list[Outgoing] = field(default_factory=list)
    stirred: bool = False
    menu_changed: bool = False

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

        It is a new message if none was pressed, or if the pressed one has been replaced already.
        """
        replaces = None if self.replies else self.incoming.message_ref
        self.replies.append(Outgoing(text, options, replaces))

    def turn_aside(self) -> bool:
        """Go on with the person alone, where they wrote among others; return False where that cannot be.

        It goes on in the chat that they have with the bot, or in a new one where the platform opens one.
        """
        incoming, account = self.incoming, self.conversation.account
        open_chat = account.address if account.closed_at is None else None
        address = open_chat or incoming.aside
        if address is None:
            return False
        locale = self.person.locale
        caller = Caller(incoming.channel, incoming.sender, address, private=True, name="", locale=locale)
        self.conversation = ensure_conversation(self.session, caller, self.now)
        self.incoming = replace(
            incoming, address=address, private=True, message_ref=None, answers=None, thread=None
        )
        return True

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
