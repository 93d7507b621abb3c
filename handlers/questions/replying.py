"""Answering a question: from the knowledge, the directory and the store."""

from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from handlers.dialogue.context import Context, UserError
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_, texts_for
from handlers.questions.answers import Finding, Knowledge, find, told
from handlers.questions.library import Library
from handlers.questions.live import LIVE, Asker, Said
from storage.database import Session

DONT_KNOW, DID_YOU_MEAN = "dont_know", "did_you_mean"
"""The entries that are said when no topic was found, without and with topics to offer."""


SHORTCUTS = {
    "apply_how": (N_("Fill in the application"), "/apply"),
    "membership_open": (N_("How to join"), "/join"),
    "benefits": (N_("How to join"), "/join"),
    "rsvp_how": (N_("Meetings"), "/meetings"),
    "rsvp_change": (N_("Meetings"), "/meetings"),
    "subscriptions_change": (N_("Profile"), "/profile"),
    "language_change": (N_("Change the language"), "/language"),
    "privacy_data": (N_("Your data"), "/privacy"),
    "privacy_delete": (N_("Your data"), "/privacy"),
}
"""What can be done at once about a topic: the label (an English message id) and the command line."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said to a question, and the finding that it follows from."""

    said: Said
    finding: Finding


def reply_to(
    session: Session, knowledge: Knowledge, question: str, asker: Asker, previous: str | None
) -> Reply:
    """Return the answer to a question; `previous` is the topic that was spoken of before."""
    finding = find(question, asker.t.locale, knowledge, previous)
    asker = replace(asker, t=texts_for(finding.locale, asker.t.zone))
    if finding.topics:
        said = [_say(session, knowledge, topic, asker, finding) for topic in finding.topics]
        options = {option.value: option for one in said for option in one.options}
        text = Markup("\n\n").join(dict.fromkeys(one.text for one in said))
        return Reply(Said(text, tuple(options.values())[:5]), finding)
    offered = tuple(_offer(knowledge, topic, asker) for topic in finding.options)
    topic = DID_YOU_MEAN if offered else DONT_KNOW
    return Reply(Said(_say(session, knowledge, topic, asker, finding).text, offered), finding)


class Answerer:
    """Answers what is neither a command nor an answer to a form."""

    def __init__(self, library: Library) -> None:
        """Take where the knowledge comes from."""
        self._library = library

    def answer(self, ctx: Context, question: str) -> None:
        """Answer a question and remember what it was about, for the next one."""
        knowledge = self._library.current(ctx.session)
        reply = reply_to(ctx.session, knowledge, question, _asker(ctx), ctx.conversation.topic)
        if ctx.conversation.topic != reply.finding.topic:
            ctx.conversation.topic = reply.finding.topic
        ctx.reply(reply.said.text, *reply.said.options, menu_option(ctx))

    def tell_topic(self, ctx: Context, topic: str) -> None:
        """Say what is known of a topic: what an offered "did you mean" stands for."""
        knowledge = self._library.current(ctx.session)
        entry = knowledge.entry(topic, ctx.t.locale)
        if entry is None or "{names}" in entry.answer:
            text = ctx.t("That question is not known any more. Please write it in words.")
            raise UserError(text, menu_option(ctx))
        finding = Finding((topic,), 1.0, (), ctx.t.locale)
        said = _say(ctx.session, knowledge, topic, _asker(ctx), finding)
        ctx.conversation.topic = topic
        ctx.revise(said.text, *said.options, menu_option(ctx))


def to_json(reply: Reply) -> dict[str, Any]:
    """Return a reply as the command line gives it: text without markup, topic, score, offered topics."""
    finding = reply.finding
    return {
        "text": plain(reply.said.text),
        "topic": finding.topic,
        "score": round(finding.score, 3),
        "options": list(finding.options),
    }


def _asker(ctx: Context) -> Asker:
    """Return who asks; in a group nobody, for what is one person's is not for all to read."""
    return Asker(ctx.person if ctx.incoming.private else None, ctx.t, ctx.now)


def _say(session: Session, knowledge: Knowledge, topic: str, asker: Asker, finding: Finding) -> Said:
    """Return what is said on one topic."""
    live = LIVE.get(topic)
    said = live(session, asker) if live else None
    if said is not None:
        return said
    entry = knowledge.entry(topic, asker.t.locale)
    if entry is None:
        raise LookupError(f"the knowledge has no entry {topic!r}")
    shortcut = SHORTCUTS.get(topic)
    options = (Option(str(asker.t(shortcut[0])), shortcut[1]),) if shortcut else ()
    return Said(told(entry, finding.listed), options)


def _offer(knowledge: Knowledge, topic: str, asker: Asker) -> Option:
    """Return the option that asks for a topic."""
    entry = knowledge.entry(topic, asker.t.locale)
    return Option(entry.label if entry else topic, f"/topic {topic}")
