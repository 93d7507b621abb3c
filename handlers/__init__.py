"""What a person can do and what is said back: the whole menu, in one visible place."""

from handlers import announcements, coordinators, joining, linking, meetings, profile, welcome
from handlers.announcements.publishing import fill_runs, publish_due
from handlers.announcements.rooms import part_from_rooms
from handlers.dialogue.command import Command
from handlers.dialogue.router import Router
from handlers.questions.library import Library
from handlers.questions.replying import Answerer

COMMANDS = (
    *welcome.COMMANDS,
    *meetings.COMMANDS,
    *announcements.COMMANDS,
    *joining.COMMANDS,
    *profile.COMMANDS,
    *linking.COMMANDS,
    *coordinators.COMMANDS,
)

FORMS = (*meetings.FORMS, *announcements.FORMS, *joining.FORMS, *profile.FORMS)

DUTIES = (part_from_rooms, publish_due, fill_runs)
"""What the clock does when something is due: each returns whether there is more of it at once."""


def build_router(library: Library) -> Router:
    """Return the router over every command and form; questions are answered from the library."""
    answerer = Answerer(library)
    commands = (*COMMANDS, Command("temat", "topic", answerer.tell_topic, in_groups=True))
    return Router(commands, FORMS, answerer.answer)
