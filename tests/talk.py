"""Conversations with the bot for tests: the real router on a real store, without a network.

anna = house.person("Anna Nowak")
anna.says("/spotkania", "Nie ma teraz zaplanowanego spotkania")
anna.presses("Menu", "Po prostu napisz pytanie")
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

import handlers
from bot.dispatch import Handling
from handlers.dialogue.context import Site
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Incoming, Kind, Option, Outgoing
from handlers.questions.library import Library, load_knowledge
from storage import claims, closing, leases, mailbox, migrate, outbox
from storage.claims import Purpose
from storage.database import Database, Session
from storage.deliveries import Birth, Due, State
from storage.outbox import Outcome

WARSAW = ZoneInfo("Europe/Warsaw")
MONDAY_EVENING = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
CHANNEL = "telegram"
OWNER = "test"


def fresh(database: Database) -> None:
    """Make a store what it is after the first start."""
    migrate.upgrade(database)
    database.write(partial(load_knowledge, now=MONDAY_EVENING))


class House:
    """A bot with its store; `now` is the time in it, which only a test moves.

    `answered_at` are the addresses of the answers to the last message. Whether something arrives at the
    `unconfirmed` addresses the platform does not say; the `blocked` ones it refuses.
    """

    def __init__(self, url: str) -> None:
        """Open the store behind a URL, which is to be `fresh`."""
        self.now = MONDAY_EVENING
        self.unconfirmed = set[str]()
        self.blocked = set[str]()
        self.answered_at = list[str]()
        self.site = Site(WARSAW)
        self.database = Database(url)
        self.library = Library()
        self.restart()
        self._people: dict[str, Somebody] = {}
        self._numbers = count(1)

    def restart(self) -> None:
        """Let another process go on with the store."""
        router = handlers.build_router(self.library)
        birth = Birth(State.SENDING, OWNER)
        self._handling = Handling(self.database, router, self.site, lambda _channel, _address: birth)

    def person(self, name: str = "", **known: Any) -> "Somebody":
        """Return somebody new, who speaks Polish unless `language` says otherwise."""
        sender = str(1_000 + next(self._numbers))
        somebody = Somebody(self, sender, name, **known)
        self._people[sender] = somebody
        return somebody

    def coordinator(self, name: str = "Ewa Koordynator") -> "Somebody":
        """Return somebody who has claimed the coordinator's role."""
        somebody = self.person(name)
        somebody.says(f"/claim {self.coordinator_code()}", "Witamy w roli koordynatora")
        return somebody

    def coordinator_code(self) -> str:
        """Return a fresh coordinator's code, as the server prints it."""
        return self.database.write(lambda session: claims.add_claim(session, Purpose.COORDINATE, self.now))

    def member(self, name: str, organisation: str) -> "Somebody":
        """Return somebody whose application was accepted."""
        chief, applicant = self.coordinator("Przyjmujący"), self.person(name)
        applicant.says("/zglos")
        for answer in (organisation, name, "600 700 800", "woda"):
            applicant.says(answer)
        applicant.presses("Zgadzam się")
        applicant.presses("Wyślij zgłoszenie")
        self.deliver()
        chief.presses("Przyjmij", "Przyjęto")
        self.deliver()
        return applicant

    def handle(self, incoming: Incoming) -> list[Outgoing]:
        """Hand in one message and return the answers, which count as sent."""
        done = self._handling.handle(incoming)
        self._record(done.answers)
        self.answered_at = [due.address for due in done.answers]
        return [Outgoing.from_json(dict(due.body)) for due in done.answers]

    def pass_time(self, **step: float) -> None:
        """Let time pass and do what falls due then, as the clock does."""
        self.now += timedelta(**step)
        self.tick()

    def tick(self) -> None:
        """Do what is due now, and deliver what follows."""
        self.fall_due()
        self.deliver()

    def fall_due(self) -> None:
        """Do what is due now, and let what follows wait to be delivered."""
        for duty in handlers.DUTIES:
            while self.database.write(partial(_do, duty, self)):
                pass

    def deliver(self) -> None:
        """Bring the messages that nobody waited for to whom they are for."""
        while self.deliver_some(50):
            pass
        self.database.write(outbox.set_runs_done)

    def deliver_some(self, most: int) -> int:
        """Bring so many messages to whom they are for, and return how many there were."""
        due = self.database.write(partial(self._claim, most=most))
        for one in due:
            if one.address not in self.blocked:
                self._people[one.address].gets(Outgoing.from_json(dict(one.body)))
        self._record(due)
        return len(due)

    def _claim(self, session: Session, most: int) -> list[Due]:
        """Claim what is due on every channel, under leases which others can take at once."""
        channels = {CHANNEL, *(somebody.channel for somebody in self._people.values())}
        terms = leases.claim_leases(session, sorted(channels), OWNER, self.now, timedelta(0))
        due = list[Due]()
        for term in terms.values():
            due += outbox.claim_due(session, term, self.now, most - len(due))
        return due

    def _record(self, due: Sequence[Due]) -> None:
        """Record messages as sent, as not confirmed or as refused."""
        outcomes = [
            Outcome(one, self._fate(one), platform_ref=one.body.get("replaces") or str(one.id)) for one in due
        ]
        if outcomes:
            self.database.write(partial(closing.record_outcomes, outcomes=outcomes, now=self.now))

    def _fate(self, due: Due) -> State:
        """Return what becomes of a message."""
        if due.address in self.blocked:
            return State.UNREACHABLE
        return State.UNKNOWN if due.address in self.unconfirmed else State.SENT


@dataclass
class Somebody:
    """A person on a phone: sees messages with buttons, writes and presses. On two channels it is two."""

    house: House
    sender: str
    name: str = ""
    language: str | None = "pl"
    channel: str = CHANNEL
    chat: str = ""
    seen: list[Outgoing] = field(default_factory=list)
    heard: list[Outgoing] = field(default_factory=list)
    _events: Any = field(default_factory=lambda: count(1))

    def says(self, text: str, *expected: str, **more: Any) -> str:
        """Write a text, check that the answer holds what is expected, and return the answer's text."""
        return self._do(expected, text=text, **more)

    def presses(self, label: str, *expected: str) -> str:
        """Press the newest button of this label and check the answer."""
        return self._do(expected, pressed=self.option(label).value, message_ref="77")

    def reacts(self, emoji: str, to: str, *expected: str) -> str:
        """React to the newest message which holds a text."""
        return self._do(expected, text=emoji, answers=self.ref_of(to), kind=Kind.REACTION)

    def sends(self, attachment: str, *expected: str) -> str:
        """Send something that is no text."""
        return self._do(expected, attachment=attachment)

    def does(self, incoming: Incoming, *expected: str) -> str:
        """Do something in detail."""
        return self._check(self.house.handle(incoming), expected)

    def hears(self, *expected: str) -> str:
        """Check what came by itself since the last time, and return its text."""
        self.house.deliver()
        texts = "\n\n".join(plain(message.text) for message in self.heard)
        for one in expected:
            assert one in texts, f"{self.name} did not hear {one!r} but: {texts!r}"
        self.heard.clear()
        return texts

    def gets(self, message: Outgoing) -> None:
        """Receive a message that came by itself."""
        self.heard.append(message)
        self.seen.append(message)

    def option(self, label: str) -> Option:
        """Return the newest option of this label that the person has seen."""
        for message in reversed(self.seen):
            for option in message.options:
                if option.label == label:
                    return option
        offered = [option.label for message in self.seen[-1:] for option in message.options]
        raise AssertionError(f"{self.name} sees no button {label!r}, only {offered}")

    def ref_of(self, text: str) -> str:
        """Return the platform's id of the newest message to the person which holds a text."""
        address = self.chat or self.sender
        letters = self.house.database.read(
            lambda session: mailbox.list_mailbox(session, self.channel, address, after=0, limit=10_000)
        )
        refs = [letter.ref for letter in letters if letter.ref and text in plain(Markup(letter.body["text"]))]
        assert refs, f"{self.name} got no message with {text!r}"
        return refs[-1]

    def labels(self) -> list[str]:
        """Return the labels of the buttons under the newest message."""
        return [option.label for option in self.seen[-1].options]

    def incoming(self, **what: Any) -> Incoming:
        """Return a message by this person as a channel would translate it."""
        known: dict[str, Any] = {
            "channel": self.channel,
            "event_id": f"{self.sender}-{next(self._events)}",
            "sender": self.sender,
            "address": self.chat or self.sender,
            "received_at": self.house.now,
            "name": self.name,
            "language": self.language,
            "private": not self.chat,
        }
        return Incoming(**(known | what))

    def _do(self, expected: tuple[str, ...], **what: Any) -> str:
        return self._check(self.house.handle(self.incoming(**what)), expected)

    def _check(self, answers: list[Outgoing], expected: tuple[str, ...]) -> str:
        self.seen += answers
        texts = "\n\n".join(plain(answer.text) for answer in answers)
        for one in expected:
            assert one in texts, f"expected {one!r} in the answer: {texts!r}"
        return texts


def _do(duty: Any, house: House, session: Any) -> bool:
    done: bool = duty(session, house.now, house.site)
    return done
