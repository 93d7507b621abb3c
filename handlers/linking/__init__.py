"""Linking: somebody who writes on several channels is one person, until they undo it."""

from handlers.dialogue.command import Command
from handlers.dialogue.texts import N_
from handlers.dialogue.trace import Effect
from handlers.linking.joint import link
from handlers.linking.parting import unlink

COMMANDS = (
    Command("polacz", "link", link, N_("One profile on several channels"), effect=Effect.LASTS),
    Command("rozlacz", "unlink", unlink, effect=Effect.LASTS),
)
