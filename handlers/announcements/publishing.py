"""Sending announcements when they are due: the rows that the clock writes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from handlers.announcements.wording import announcements_option, compose, compose_for_room
from handlers.dialogue.context import Compose, Site, notify
from handlers.dialogue.dates import say_moment
from handlers.dialogue.files import get_ref
from handlers.dialogue.message import Outgoing
from handlers.dialogue.recurrence import next_after
from handlers.dialogue.texts import LOCALES, Texts, texts_for
from storage import announcements, broadcasts, people, room_letters, rooms, runs
from storage.announcements import Announcement, Audience, RunBirth
from storage.database import Session
from storage.people import Person
from storage.runs import Run, RunState

LATEST = timedelta(hours=6)
"""How late an announcement is still sent; later it is skipped and the coordinators are told."""


def publish_due(session: Session, now: datetime, site: Site) -> bool:
    """Turn due announcements into runs; return whether there may be more to do at once."""
    due = announcements.list_due_announcements(session, now)
    skipped = [announcement for announcement in due if _is_late(announcement, now)]
    if skipped:
        _tell_skipped(session, skipped, now, site)
    births = [_birth(announcement, now) for announcement in due]
    announcements.add_runs(session, births)
    return bool(due)


def fill_runs(session: Session, now: datetime, site: Site) -> bool:
    """Write a page of the deliveries of a run which is being filled; return whether there may be more."""
    run = runs.get_filling_run(session)
    if run is None:
        return False
    if not broadcasts.has_contents(session, run):
        _add_contents(session, run, site)
        _add_room_letters(session, run, now, site)
    broadcasts.add_run_deliveries(session, run, now)
    return True


def _is_late(announcement: Announcement, now: datetime) -> bool:
    """Return whether it is too late to send an announcement."""
    return announcement.next_at is not None and now - announcement.next_at > LATEST


def _birth(announcement: Announcement, now: datetime) -> RunBirth:
    """Return what becomes of a due announcement."""
    state = RunState.SKIPPED if _is_late(announcement, now) else RunState.FILLING
    return RunBirth(announcement, _following(announcement, now), state)


def _add_contents(session: Session, run: Run, site: Site) -> None:
    """Store the message of a run in every language."""
    announcement = announcements.get_announcement_of(session, run)
    text = Markup(announcement.text)  # noqa: S704 - cleaned before it was stored
    file = get_ref(session, announcement.file_id)
    bodies = {
        locale: compose(text, texts_for(locale, site.zone), announcement.meeting_id, file).to_json()
        for locale in LOCALES
    }
    broadcasts.add_contents(session, run.id, bodies)


def _add_room_letters(session: Session, run: Run, now: datetime, site: Site) -> None:
    """Write what the rooms get that announce, if the run is for everyone."""
    announcement = announcements.get_announcement_of(session, run)
    if announcement.audience is not Audience.EVERYONE:
        return
    text = Markup(announcement.text)  # noqa: S704 - cleaned before it was stored
    meeting_id, file = announcement.meeting_id, get_ref(session, announcement.file_id)
    letters = [
        (room, compose_for_room(text, texts_for(room.locale, site.zone), meeting_id, file).to_json())
        for room in rooms.list_announcing_rooms(session)
    ]
    room_letters.add_room_letters(session, run, letters, now)


def _following(announcement: Announcement, now: datetime) -> datetime | None:
    """Return when a repeated announcement is due next."""
    if announcement.rule is None:
        return None
    zone = ZoneInfo(announcement.zone)
    local = announcement.first_at.astimezone(zone).replace(tzinfo=None)
    return next_after(announcement.rule, local, zone, max(now, announcement.next_at or now).astimezone(UTC))


def _tell_skipped(session: Session, skipped: Sequence[Announcement], now: datetime, site: Site) -> None:
    """Tell the coordinators that announcements were not sent."""

    def composer(announcement: Announcement) -> Compose:
        def compose_notice(_person: Person, t: Texts) -> Outgoing:
            text = t(
                "An announcement was not sent: the bot was not running at its time, {moment}.",
                moment=say_moment(announcement.next_at or now, now, t),
            )
            return Outgoing(text, (announcements_option(t),))

        return compose_notice

    coordinators = people.list_coordinators(session)
    for announcement in skipped:
        notify(session, coordinators, composer(announcement), site, now)
