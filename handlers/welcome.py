"""The first words and the menu."""

from handlers.dialogue.command import Command
from handlers.dialogue.context import Context
from handlers.dialogue.message import Option
from handlers.dialogue.texts import N_
from handlers.joining import join
from handlers.meetings.attending import show_meetings


def start(ctx: Context, arguments: str) -> None:
    """Greet; a link can lead further: "join", or "m" and the number of a meeting."""
    ctx.menu_changed = True
    if arguments == "join":
        join(ctx, "")
    elif arguments[:1] == "m" and arguments[1:].isdigit():
        show_meetings(ctx, arguments[1:])
    else:
        greeting = ctx.t(
            "Good day! This is the bot of Klaster „Aglomeracja” in Częstochowa.\n"
            "Ask about the Cluster in your own words, or choose:"
        )
        ctx.reply(greeting, *menu_options(ctx))


def show_menu(ctx: Context, _arguments: str) -> None:
    """Say what the bot can do."""
    text = ctx.t(
        "Just write your question, for example: “When is the next meeting?”, "
        "“Who chairs the Council?”. Or choose:"
    )
    ctx.revise(text, *menu_options(ctx))


def menu_options(ctx: Context) -> list[Option]:
    """Return the six things that this person most likely wants."""
    t = ctx.t
    if ctx.person.coordinates:
        return [
            Option(str(t("Meetings")), "/meetings"),
            Option(str(t("Plan a meeting")), "/new_meeting"),
            Option(str(t("Announcements")), "/announcements"),
            Option(str(t("Write an announcement")), "/new_announcement"),
            Option(str(t("Applications")), "/applications"),
            Option(str(t("Profile")), "/profile"),
        ]
    return [
        Option(str(t("Meetings")), "/meetings"),
        Option(str(t("Announcements")), "/announcements"),
        *([Option(str(t("How to join")), "/join")] if ctx.person.organisation_id is None else []),
        Option(str(t("Profile")), "/profile"),
        Option("Polski / English", "/language"),
    ]


COMMANDS = (
    Command("start", "start", start),
    Command("pomoc", "help", show_menu, N_("What the bot can do"), in_groups=True),
)
