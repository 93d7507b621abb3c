"""The router: decides what a message is and hands it to who handles it.

A message is, in this order: a command (typed, or the value of a pressed option); the label or the number of
an option under the message that it answers, or of one offered last; the answer to a form's question; a
question.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from markupsafe import Markup
from rapidfuzz import process

from handlers.dialogue import choices, edits
from handlers.dialogue.choices import Choice
from handlers.dialogue.command import Command, Role
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.folding import fold
from handlers.dialogue.form import Form
from handlers.dialogue.forms import Forms
from handlers.dialogue.markup import clean_text
from handlers.dialogue.message import Kind, Option
from handlers.dialogue.texts import N_, Texts
from handlers.dialogue.trace import Effect

MAX_TEXT = 4_000
"""How many characters of a message are read; Telegram's own limit is 4,096 (Bot API, sendMessage)."""

SIMILAR = 70
"""How alike (0 to 100) a mistyped command must be to a known one to be suggested."""


WORDS_ONLY = N_("I can only read text. Please write it in words.")

ATTACHMENTS = {
    "unreadable": N_("I could not read that: its key did not reach me. Please send it again."),
    "verification": N_(
        "You do not need to verify me: I am a bot and cannot compare pictures. Our chat is encrypted already."
    ),
}
"""What is said to something that is no text, where there is more to say than that."""


class Router:
    """Every command and form of the bot, and the answerer of everything else."""

    def __init__(
        self, commands: Sequence[Command], forms: Sequence[Form], answer: Callable[[Context, str], None]
    ) -> None:
        """Take what there is; raises ValueError when a name stands twice."""
        self._answer = answer
        self._forms = Forms(forms)
        self.commands = (*commands, *self._forms.commands)
        self._by_name: dict[str, Command] = {}
        for command in self.commands:
            for name in {command.polish, command.english}:
                if name in self._by_name:
                    raise ValueError(f"the command /{name} stands twice")
                self._by_name[name] = command

    def menu(self, texts: Texts, *, coordinates: bool) -> list[tuple[str, str]]:
        """Return the commands that a person's menu lists, as (name, summary)."""
        return [
            (command.name(texts.locale), str(texts(command.summary)))
            for command in self.commands
            if command.summary and (coordinates or command.role is Role.ANYONE)
        ]

    def handle(self, ctx: Context) -> None:
        """Handle one message; raises UserError when it cannot be done."""
        incoming = ctx.incoming
        if incoming.kind is Kind.EDITED:
            self._handle_edit(ctx)
            return
        if len(incoming.text) > MAX_TEXT:
            raise UserError(
                ctx.t(
                    "This message is too long: at most {limit} characters can be read. Please shorten it.",
                    limit=MAX_TEXT,
                )
            )
        text = clean_text(incoming.pressed if incoming.pressed is not None else incoming.text)
        if is_command(text):
            self._run(ctx, text)
        elif (choice := self._choose(ctx, text)) is not None:
            self._run(ctx, choice.value)
        elif incoming.kind is Kind.REACTION:
            return
        elif incoming.attachment:
            self._receive_attachment(ctx, incoming.attachment)
        elif not text:
            self._ask_for_words(ctx, ctx.t("I see no words there. Please write your question."))
        elif self._forms.current(ctx) is not None:
            self._forms.receive(ctx, text)
        else:
            self._answer(ctx, text)

    def _choose(self, ctx: Context, text: str) -> Choice | None:
        """Return the option chosen in words, by its number or by a reaction, and show that it was."""
        incoming, last = ctx.incoming, ctx.conversation.offered
        answered = choices.get_answered(ctx)
        offered = choices.offered_in(answered) if answered is not None else last
        if incoming.kind is Kind.REACTION and answered is None:
            return None
        choice = choices.by_label(offered, text)
        if choice is None and (numbered := choices.by_number(offered, text)) is not None:
            # Where the question asks for something typed, a number is that.
            typed = incoming.kind is not Kind.REACTION and offered == last
            choice = None if typed and self._forms.waits_for_text(ctx) else numbered
        if choice is not None and incoming.pressed is None:
            choices.show(ctx, answered, choice)
        return choice

    def _run(self, ctx: Context, line: str) -> None:
        """Run a command line."""
        word, *rest = line[1:].split(maxsplit=1)
        command = self._by_name.get(fold(word))
        if command is None and not ctx.incoming.private:
            return  # in a group it may be meant for another bot
        if command is None:
            raise self._unknown(ctx, word)
        if command.role is Role.COORDINATOR and not ctx.person.coordinates:
            raise UserError(ctx.t("Only the coordinator can do that."), menu_option(ctx))
        if ctx.incoming.private or (command.in_groups and ctx.incoming.kind is not Kind.REACTION):
            self._handle(ctx, command, "".join(rest))
        else:
            self._handle_aside(ctx, command, "".join(rest))

    def _handle_aside(self, ctx: Context, command: Command, arguments: str) -> None:
        """Run a command that was given among others, with the person alone: what they do is their matter."""
        here, account = ctx.incoming, ctx.conversation.account
        new_chat = account.address is None or account.closed_at is not None
        if not ctx.turn_aside():
            if here.kind is Kind.REACTION:
                return
            raise UserError(
                ctx.t("That is better done between the two of us: write to me in a private chat.")
            )
        if new_chat and here.kind is Kind.MESSAGE:
            ctx.tell_at(here, ctx.t("I answer you in a direct chat: please accept the invitation."))
        try:
            self._handle(ctx, command, arguments)
        except UserError as error:
            error.aside = True
            raise

    def _handle(self, ctx: Context, command: Command, arguments: str) -> None:
        """Run a command, and ask the open form's question once more if it stays open."""
        before, token = ctx.conversation, ctx.conversation.form.get("token")
        if token is not None and command not in self._forms.commands:
            # Below the open question, not far above it where the pressed message may be.
            ctx.incoming = replace(ctx.incoming, message_ref=None)
        if command.effect is Effect.NONE and (pressed := ctx.get_pressed()) is not None and pressed.announced:
            # Below it: what was announced is not to give way to a menu.
            ctx.incoming = replace(ctx.incoming, message_ref=None)
        if command.effect is Effect.LASTS or arguments:
            ctx.trace.effect = command.effect
            ctx.trace.line = f"{command.english} {arguments.rpartition(' ')[0]}"
        command.handle(ctx, arguments)
        still_open = token is not None and ctx.conversation.form.get("token") == token
        if still_open or ctx.conversation is not before:  # it may have turned aside to where a form is open
            self._forms.remind(ctx)

    def _unknown(self, ctx: Context, word: str) -> UserError:
        """Return what is said to a command that does not exist: the most similar one is suggested."""
        shown = [name for name, _ in self.menu(ctx.t, coordinates=ctx.person.coordinates)]
        likely = process.extractOne(fold(word), shown, score_cutoff=SIMILAR)
        if likely is None:
            return UserError(
                ctx.t("I do not know this command. All that I can do is in the menu."), menu_option(ctx)
            )
        name = likely[0]
        text = ctx.t("There is no such command. Did you mean /{name}?", name=name)
        return UserError(text, Option(f"/{name}", f"/{name}"), menu_option(ctx))

    def _receive_attachment(self, ctx: Context, kind: str) -> None:
        """Take what is no text where a form waits for it; else ask for words."""
        if kind not in ATTACHMENTS and self._forms.waits_for_file(ctx):
            self._forms.receive_file(ctx, ctx.incoming.file)
        else:
            self._ask_for_words(ctx, ctx.t(ATTACHMENTS.get(kind, WORDS_ONLY)))

    def _ask_for_words(self, ctx: Context, problem: Markup) -> None:
        """Say why there is nothing to read, and go on where the conversation was."""
        if self._forms.current(ctx) is None:
            ctx.reply(problem, menu_option(ctx))
        else:
            ctx.reply(problem)
            self._forms.remind(ctx)

    def _handle_edit(self, ctx: Context) -> None:
        """Ask for a new message where an older one was meant to correct an answer; else let it be.

        Of the last message only an edit that says nothing new comes here, or one after it was taken back.
        """
        if self._forms.current(ctx) is not None and not edits.is_of_last(ctx):
            ctx.reply(
                ctx.t("I only see changes to your last message. Please send the correction as a new one.")
            )
            self._forms.remind(ctx)


def menu_option(ctx: Context) -> Option:
    """Return the option that leads back to the menu."""
    return Option(str(ctx.t("Menu")), "/help")


def is_command(text: str) -> bool:
    """Return whether a text is a command line: a slash and a letter."""
    return len(text) > 1 and text[0] == "/" and text[1].isalpha()
