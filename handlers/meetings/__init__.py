"""Meetings: what is coming, who comes, and what the coordinator does about them."""

from handlers.dialogue.command import Command, Role
from handlers.dialogue.texts import N_
from handlers.dialogue.trace import Effect
from handlers.meetings.arranging import MEETING_FORM, cancel_meeting, edit_meeting, new_meeting
from handlers.meetings.attending import manage_meeting, rsvp, show_meetings
from handlers.meetings.guests import show_attendance

COMMANDS = (
    Command("spotkania", "meetings", show_meetings, N_("Coming meetings and your replies"), in_groups=True),
    Command("odpowiedz", "rsvp", rsvp, in_groups=True, effect=Effect.SETS),
    Command("nowe_spotkanie", "new_meeting", new_meeting, N_("Plan a meeting"), Role.COORDINATOR),
    Command("obecnosc", "attendance", show_attendance, N_("Who is coming to a meeting"), Role.COORDINATOR),
    Command("prowadz_spotkanie", "manage_meeting", manage_meeting, role=Role.COORDINATOR),
    Command("zmien_spotkanie", "edit_meeting", edit_meeting, role=Role.COORDINATOR),
    Command(
        "odwolaj_spotkanie", "cancel_meeting", cancel_meeting, role=Role.COORDINATOR, effect=Effect.LASTS
    ),
)

FORMS = (MEETING_FORM,)
