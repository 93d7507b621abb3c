"""The person's own settings: name, language, announcements and where they come; what is kept of them."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.dialogue.command import Command
from handlers.dialogue.context import Context
from handlers.dialogue.fields import name_field, read_name
from handlers.dialogue.forms import Form, Values, open_form
from handlers.dialogue.message import MAX_OPTIONS, Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import LOCALES, N_, Texts
from handlers.linking.channels import channel_name, channel_names, rank
from handlers.linking.telling import link_option, unlink_option
from storage import people
from storage.organisations import get_organisation
from storage.people import Account

MAX_NAME = 80

# Each language in its own words, so that whoever landed in the wrong one finds the way back.
LANGUAGES = {"pl": "Polski", "en": "English"}


def show_profile(ctx: Context, _arguments: str) -> None:
    """Show what is known of the person and what they can change."""
    person, t = ctx.person, ctx.t
    organisation = None
    if person.organisation_id is not None:
        organisation = get_organisation(ctx.session, person.organisation_id)
    lines = [
        t("<b>Your profile</b>"),
        t("Name: {name}", name=person.name or t("not given")),
        t("Organisation: {name}", name=organisation.name if organisation else t("none")),
        t("Language: {name}", name=LANGUAGES[t.locale]),
        t("Announcements: on") if person.wants_announcements else t("Announcements: off"),
    ]
    accounts = people.list_accounts(ctx.session, person.id)
    if len(accounts) == 1:
        ways = [
            link_option(t),
            Option("Polski / English", "/language"),
            Option(str(t("Your data")), "/privacy"),
        ]
    else:
        here = _pushed_to(ctx)
        lines.append(t("Linked channels: {channels}", channels=channel_names(t, accounts)))
        lines.append(t("Announcements and notices come to: {channel}", channel=channel_name(t, here)))
        ways = [*_channel_options(ctx, accounts, here), unlink_option(t)]
    switch = (
        Option(str(t("Turn announcements off")), "/notify off")
        if person.wants_announcements
        else Option(str(t("Turn announcements on")), "/notify on")
    )
    change_name = Option(str(t("Change the name")), "/name")
    ctx.revise(Markup("\n").join(lines), switch, change_name, *ways, menu_option(ctx))


def set_notifications(ctx: Context, arguments: str) -> None:
    """Turn announcements "on" or "off"; anything else shows the profile."""
    if arguments in {"on", "off"}:
        ctx.person.wants_announcements = arguments == "on"
    show_profile(ctx, "")


def set_channel(ctx: Context, arguments: str) -> None:
    """Let announcements and notices come to the channel that is named, if the person is there."""
    accounts = people.list_accounts(ctx.session, ctx.person.id)
    if arguments in {account.channel for account in accounts}:
        ctx.person.preferred_channel = arguments
        ctx.session.flush()
    show_profile(ctx, "")


def _pushed_to(ctx: Context) -> str:
    """Return the channel to which announcements and notices go now: the preferred one may be closed."""
    account = people.get_open_accounts(ctx.session, [ctx.person.id]).get(ctx.person.id)
    return account.channel if account is not None else ctx.incoming.channel


def _channel_options(ctx: Context, accounts: Sequence[Account], here: str) -> list[Option]:
    """Return the other channels to which announcements and notices could go: as many as there is room for."""
    others = sorted({account.channel for account in accounts} - {here}, key=rank)
    return [
        Option(str(ctx.t("Write to: {channel}", channel=channel_name(ctx.t, other))), f"/channel {other}")
        for other in others[: MAX_OPTIONS - 4]
    ]


def set_name(ctx: Context, arguments: str) -> None:
    """Take the name that is given, or ask for it."""
    if arguments:
        _save_name(ctx, {"name": read_name(ctx, arguments, MAX_NAME)})
    else:
        open_form(ctx, NAME_FORM)


def set_language(ctx: Context, arguments: str) -> None:
    """Speak the language whose code is given, or ask which."""
    if arguments not in LOCALES:
        options = [Option(name, f"/language {code}") for code, name in LANGUAGES.items()]
        ctx.revise(Markup("Po polsku czy po angielsku?\nPolish or English?"), *options, menu_option(ctx))
        return
    ctx.person.locale = arguments
    ctx.menu_changed = True
    ctx.revise(ctx.t("From now on we speak English."), menu_option(ctx))


def privacy(t: Texts) -> Markup:
    """Return what is kept of a person, why and for how long."""
    paragraphs = (
        t("<b>What the bot keeps about you</b>"),
        t(
            "Who you are: the name and number under which the channel (Telegram, Matrix or the web chat) "
            "knows you, your language, your organisation if you are a member, and whether you want "
            "announcements."
        ),
        t(
            "If you link channels: which ones are you, to which you want announcements, and until you unlink "
            "them what each had before. Of a code for linking only a fingerprint, for ten minutes."
        ),
        t("In a room to which announcements go: that you are there, so that you do not get them twice."),
        t(
            "What you did: your replies to meetings, and your application to join with the contact you gave, "
            "until the Chamber’s office deletes it at your request."
        ),
        t(
            "What the bot wrote to you: for 30 days, so that nothing is lost when a connection breaks. "
            "The numbers of messages that were handled: for 3 days."
        ),
        t(
            "What you ask is not kept. A form keeps what you typed until it is sent or cancelled. "
            "The web chat keeps the conversation in your own browser."
        ),
        t(
            "The data are kept by the coordinator of the Cluster, Regionalna Izba "
            "Przemysłowo-Handlowa w Częstochowie, and are given to nobody else. To see, correct or delete "
            "them, ask the Chamber’s office."
        ),
    )
    return Markup("\n\n").join(paragraphs)


def show_privacy(ctx: Context, _arguments: str) -> None:
    """Say what is kept of the person."""
    ctx.revise(privacy(ctx.t), Option(str(ctx.t("Profile")), "/profile"), menu_option(ctx))


def _save_name(ctx: Context, values: Values) -> None:
    """Keep the person's name."""
    ctx.person.name = values["name"]
    text = ctx.t("Thank you, {name}. That is how you appear on attendance lists.", name=ctx.person.name)
    ctx.revise(text, Option(str(ctx.t("Meetings")), "/meetings"), menu_option(ctx))


NAME_FORM = Form(
    name="name",
    title=N_("Your name"),
    fields=(
        name_field(
            "name", N_("Name"), N_("What is your name? Please write your first and last name."), MAX_NAME
        ),
    ),
    summarise=None,
    submit=_save_name,
)

COMMANDS = (
    Command("profil", "profile", show_profile, N_("Your name, language and announcements")),
    Command("jezyk", "language", set_language, N_("Polish or English")),
    Command("prywatnosc", "privacy", show_privacy, N_("What is kept about you"), in_groups=True),
    Command("powiadomienia", "notify", set_notifications),
    Command("kanal", "channel", set_channel),
    Command("imie", "name", set_name),
)

FORMS = (NAME_FORM,)
