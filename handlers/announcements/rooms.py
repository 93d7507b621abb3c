"""Rooms that announcements go to: named by a coordinator, who is asked once the bot has been invited."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from handlers.announcements.wording import announcements_option, say_title
from handlers.dialogue.context import Compose, Context, Site, UserError, notify
from handlers.dialogue.fields import is_id
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Option, Outgoing
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import Texts
from handlers.linking.telling import link_option
from handlers.meetings.card import cut_label
from storage import people, rooms
from storage.database import Session
from storage.deliveries import Target, add_pushes
from storage.people import Person
from storage.rooms import Room

MATRIX = "matrix"

SHOWN = 4


def show_rooms(ctx: Context, arguments: str) -> None:
    """Ask about the room that this was said in, elsewhere show all; "NUMBER on" and "NUMBER off" decide."""
    number, _, word = arguments.partition(" ")
    if arguments:
        _decide(ctx, number, word)
    elif ctx.incoming.private:
        _show_all(ctx)
    else:
        _ask(ctx)


def part_from_rooms(session: Session, now: datetime, site: Site) -> bool:
    """Forget the rooms that the bot has lost, and tell the coordinators; return whether there may be more."""
    lost = rooms.list_closed_rooms(session)
    coordinators = people.list_coordinators(session) if lost else ()
    for room in lost:
        if room.announces:
            notify(session, coordinators, _say_lost(room.title), site, now)
        rooms.delete_room(session, room)
    return bool(lost)


def _decide(ctx: Context, number: str, word: str) -> None:
    """Let announcements go to a room, or no longer."""
    room = rooms.get_room(ctx.session, int(number)) if is_id(number) else None
    if room is None or word not in {"on", "off"}:
        raise UserError(ctx.t("There is no such room."), _rooms_option(ctx.t), menu_option(ctx))
    title = say_title(ctx.t, room.title)
    if word == "off":
        rooms.set_room_announcing(ctx.session, room, None)
        text = ctx.t("Announcements do not go to the room “{title}”. Everybody gets their own.", title=title)
    else:
        if not room.announces:
            _greet(ctx, room)
        rooms.set_room_announcing(ctx.session, room, ctx.t.locale)
        text = ctx.t(
            "Announcements to everyone now go to the room “{title}”: one message for all there. "
            "Who is not in it gets their own.",
            title=title,
        )
    ctx.revise(text, _rooms_option(ctx.t), announcements_option(ctx.t), menu_option(ctx))


def _greet(ctx: Context, room: Room) -> None:
    """Say in a room what comes there from now on; it shows too whether the bot may write there."""
    text = ctx.t(
        "Announcements of Klaster „Aglomeracja” come here from now on. "
        "Mention me to ask something here; for anything else write to me in a direct chat."
    )
    letter = (Target(room.channel, room.address, ctx.person.id), Outgoing(text).to_json())
    add_pushes(ctx.session, [letter], ctx.now)
    ctx.stirred = True


def _ask(ctx: Context) -> None:
    """Ask the coordinator, alone, whether announcements are to go to the room that this was said in."""
    room = rooms.get_room_at(ctx.session, ctx.incoming.channel, ctx.incoming.address)
    if room is None or not ctx.turn_aside():
        raise UserError(
            ctx.t(
                "Announcements cannot come here. Invite me to a room on Matrix; "
                "I will ask you then whether to announce there."
            )
        )
    ctx.reply(_describe(ctx, room), *_choices(ctx.t, room), _rooms_option(ctx.t), menu_option(ctx))


def _describe(ctx: Context, room: Room) -> Markup:
    """Return what announcing in a room would mean."""
    text = ctx.t(
        "<b>Room “{title}”.</b> Shall announcements to everyone go there? "
        "One message is for all in the room then, and none of them gets another one.",
        title=say_title(ctx.t, room.title),
    )
    others = rooms.count_room_members(ctx.session, room) - 1
    count = ctx.t.plural("{count} person is there.", "{count} people are there.", others)
    return Markup("\n\n").join([text, count])


def _choices(t: Texts, room: Room) -> Sequence[Option]:
    """Return what can be decided about a room."""
    return (
        Option(str(t("Yes, announce there")), f"/room {room.id} on"),
        Option(str(t("No")), f"/room {room.id} off"),
    )


def _show_all(ctx: Context) -> None:
    """Show the rooms that the bot is in, with a way to decide about each."""
    t, known = ctx.t, rooms.list_rooms(ctx.session, SHOWN)
    if not known:
        _invite_to_invite(ctx)
        return
    lines = [t("<b>Rooms on Matrix</b>")]
    options = list[Option]()
    for room in known:
        title = say_title(t, room.title)
        if room.announces:
            lines.append(t("“{title}”: announcements go there.", title=title))
            label, word = t("Stop in “{title}”", title=title), "off"
        else:
            lines.append(t("“{title}”: no announcements.", title=title))
            label, word = t("Announce in “{title}”", title=title), "on"
        options.append(Option(cut_label(plain(label)), f"/room {room.id} {word}"))
    ctx.revise(Markup("\n").join(lines), *options, announcements_option(t), menu_option(ctx))


def _invite_to_invite(ctx: Context) -> None:
    """Say how a room comes to announce: first of all, the coordinator is to be known on Matrix."""
    t = ctx.t
    text = t(
        "Announcements can go to a room on Matrix: one message instead of many. "
        "Invite me there; I will ask you then whether to announce there."
    )
    options = [announcements_option(t), menu_option(ctx)]
    accounts = people.list_accounts(ctx.session, ctx.person.id)
    if all(account.channel != MATRIX for account in accounts):
        first = t("First link your account on Matrix with this one, or I will not know that it is you.")
        text, options = Markup(" ").join([text, first]), [link_option(t), *options]
    ctx.revise(text, *options)


def _say_lost(title: str) -> Compose:
    """Return a notice that announcements cannot go to a room any more."""

    def compose(_person: Person, t: Texts) -> Outgoing:
        text = t(
            "I can no longer write in the room “{title}”. Its people get announcements one by one again. "
            "To change that, invite me there anew and let me write.",
            title=say_title(t, title),
        )
        return Outgoing(text, (_rooms_option(t), announcements_option(t)))

    return compose


def _rooms_option(t: Texts) -> Option:
    """Return the way to the rooms."""
    return Option(str(t("Rooms")), "/room")
