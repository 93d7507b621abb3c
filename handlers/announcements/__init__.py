"""Announcements: what was said to everybody, what will be, and writing a new one."""

from handlers.announcements.reading import show_announcements, show_scheduled
from handlers.announcements.rooms import show_rooms
from handlers.announcements.sending import end_sending, pause_sending, resume_sending, send_again
from handlers.announcements.writing import ANNOUNCEMENT_FORM, cancel_announcement, new_announcement
from handlers.dialogue.command import Command, Role
from handlers.dialogue.texts import N_
from handlers.dialogue.trace import Effect

COMMANDS = (
    Command("ogloszenia", "announcements", show_announcements, N_("Announcements so far")),
    Command(
        "nowe_ogloszenie",
        "new_announcement",
        new_announcement,
        N_("Write an announcement"),
        Role.COORDINATOR,
    ),
    Command("zaplanowane", "scheduled", show_scheduled, N_("Announcements to come"), Role.COORDINATOR),
    Command(
        "pokoj",
        "room",
        show_rooms,
        N_("A room for announcements"),
        Role.COORDINATOR,
        in_groups=True,
        effect=Effect.SETS,
    ),
    Command(
        "odwolaj_ogloszenie",
        "cancel_announcement",
        cancel_announcement,
        role=Role.COORDINATOR,
        effect=Effect.LASTS,
    ),
    Command("wstrzymaj_wysylke", "pause_sending", pause_sending, role=Role.COORDINATOR, effect=Effect.LASTS),
    Command("wznow_wysylke", "resume_sending", resume_sending, role=Role.COORDINATOR, effect=Effect.LASTS),
    Command("zakoncz_wysylke", "end_sending", end_sending, role=Role.COORDINATOR, effect=Effect.LASTS),
    Command("wyslij_ponownie", "send_again", send_again, role=Role.COORDINATOR, effect=Effect.LASTS),
)

FORMS = (ANNOUNCEMENT_FORM,)
