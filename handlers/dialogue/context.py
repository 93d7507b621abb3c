"""The context of one message: who speaks, where, in which language, and what is said back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from handlers.dialogue.message import Incoming, Option, Outgoing
from handlers.dialogue.texts import Texts, texts_for
from storage.conversations import Conversation
from storage.database import Session
from storage.deliveries import Target, add_push
from storage.people import Person, list_open_accounts

Choices = Callable[[Texts], Sequence[Option]]
"""Options whose labels are not bound to a language yet."""


class UserError(Exception):
    """What a person did cannot be done: nothing of it is kept, and `text` is what they are told.

    `options` are ways on.
    """

    def __init__(self, text: Markup, *options: Option) -> None:
        """Take the sentence, in the person's language, and the options."""
        super().__init__(str(text))
        self.text = text
        self.options = options


@dataclass(frozen=True, slots=True)
class Site:
    """What handlers know of where they run: the time zone that dates are said in."""

    zone: ZoneInfo


@dataclass(slots=True)
class Context:
    """One message being handled, inside its transaction.

    `now` is the aware UTC time of the message. What `reply` collects in `replies` is stored and sent by
    the machine after the handler has returned.
    """

    session: Session
    incoming: Incoming
    conversation: Conversation
    now: datetime
    site: Site
    replies: list[Outgoing]

    @property
    def person(self) -> Person:
        """Who speaks."""
        return self.conversation.account.person

    @property
    def t(self) -> Texts:
        """The texts in the person's language."""
        return texts_for(self.person.locale, self.site.zone)

    def reply(self, text: Markup, *options: Option) -> None:
        """Say something to the person; after a pressed option, further messages stand below the first."""
        self.replies.append(Outgoing(text, options))

    def revise(self, text: Markup, *options: Option) -> None:
        """Say something in place of the message whose option was pressed; if none was, as a new one."""
        self.replies.append(Outgoing(text, options, replaces=self.incoming.message_ref))

    def tell(self, person: Person, said: Callable[[Texts], Markup], choices: Choices | None = None) -> bool:
        """Say something to somebody else, in their language; return whether they can be reached."""
        accounts = list_open_accounts(self.session, person.id)
        if not accounts or accounts[0].address is None:
            return False
        texts = texts_for(person.locale, self.site.zone)
        outgoing = Outgoing(said(texts), tuple(choices(texts)) if choices else ())
        target = Target(accounts[0].channel, accounts[0].address, person.id)
        add_push(self.session, target, outgoing.to_json(), self.now)
        return True
