"""Telling Polish, English and other languages apart in a few typed words."""

from handlers.questions.words import word_set, words

OTHER = "other"

_LAST_LATIN = 0x24F
_POLISH_LETTERS = frozenset("ąęłńśźż")
_FOREIGN_LETTERS = frozenset("äöüßñãõěřůåøșțţşğėųūįļķģéèêëàùìòçâîïôûőűýťďľčšžáíúăæœ¿¡")

_POLISH = word_set(
    "jest sa nie sie na do czy oraz to w z ze i lub od po przy dla jak jaki jaka jakie prosze "
    "moge mozna kto co kiedy gdzie ile ilu ktory ktora ktore ktorej ktorym o u mnie mi mam ma byc "
    "bede bedzie tez tylko juz jeszcze a ale za pod przez tego tym ten ta te was wam wasz jestem "
    "jestes chce klaster klastra klastrze spotkanie dzien dobry czesc dziekuje dzieki"
)
_ENGLISH = word_set(
    "the is are of and you for in not can we please or with it this my your be at from what who "
    "when where how which why does did was were will have has i me a an there any about by that "
    "many much tell show next meeting cluster member members do they hello hi thanks could would "
    "should"
)
_FOREIGN = (
    word_set(
        "wann ist das die der wie wo ich und nicht wer welche wird bitte guten tag danke haben sind "
        "treffen bonjour quand comment est les des vous je merci reunion qui combien hola donde "
        "cuando como esta cual gracias quien cuanto que el los ciao dove sono che buongiorno grazie "
        "chi quanto riunione kde kdy kedy jsem jste som ste prosim ako schuzka stretnutie aky jaky "
        "bude dekuji dakujem kdo ktory kto koly zustrich pryvit dyakuyu yak chto privet kogda gde "
        "vstrecha spasibo kak zdravstvuyte labas kur kada kaip vyks yra ar aciu kas susitikimas "
        "sveiki kad ir ola onde obrigado reuniao buna unde cand multumesc cine merhaba nerede zaman "
        "nasil tesekkur hol mikor koszonom szia van hogyan waar wanneer hoe het een dank vergadering "
        "hur tack mote xin chao"
    )
    - _POLISH
    - _ENGLISH
)


def guess(text: str, folded: str) -> str | None:
    """Return "pl", "en", `OTHER` or None (too little to tell) for a text given as typed and folded."""
    lowered = text.lower()
    letters = [c for c in lowered if c.isalpha()]
    if sum(ord(c) > _LAST_LATIN for c in letters) * 2 > len(letters):
        return OTHER
    found = words(folded)
    polish = sum(w in _POLISH for w in found) + 2 * (not _POLISH_LETTERS.isdisjoint(lowered))
    english = sum(w in _ENGLISH for w in found)
    foreign = sum(w in _FOREIGN for w in found) + (not _FOREIGN_LETTERS.isdisjoint(lowered))
    if foreign > max(polish, english):
        return OTHER
    return None if polish == english else "pl" if polish > english else "en"
