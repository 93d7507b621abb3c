"""Words that mean the same in questions about the cluster, so that one phrasing stands for many.

A group is a list of stems, folded; a stem matches the words that begin with it, and one that ends in "." only
that very word.
"""

from functools import lru_cache

_STEMS = {
    "when": "kiedy termin data. date. daty date kiedys when ktorego dnia dzien. which day ruszyl wystartowal",
    "hour": "ktorej. godzin ktora. godz hour zaczyna",
    "where": "gdzie dokad miejsc where adres address sala sali. sale. venue place room budynk pietr ulic",
    "who": "kto. kim. kogo czyj who. whose who's ktos",
    "many": "ile. ilu. liczb ilosc many number liczny licz",
    "why": "dlaczego czemu why powod",
    "purpose": "cel. celem celu cele. zamysl misj idea sens purpose goal aim zamierz osiagn",
    "how": "jak. jaki. sposob how procedur krok",
    "meeting": "spotka zebran posiedz narad nasiad obrad meeting zbieram",
    "agenda": "omawian poruszan discuss agend program porzad tematyk punkt omawia topics",
    "announcement": "oglosz komunik wiesc nowosc aktualnosc announc news notice wiadomosci.",
    "notify": "powiadom subskr notif subscri unsub spam mute newsletter",
    "chair": "lider leader przewodn przewod szef. szefa szefuj szefem chair lewandowsk dowodz naczel",
    "deputy": "zastep wice vice deput zastap",
    "council": "rad. rada rady rade radzie council",
    "chamber": "izb. izba izby izbe izbie chamber riph regionaln",
    "office": "biur office",
    "coordinator": "koordyn kordyn coordin zarzadza patron organizuj prowadzi. kieruj steruj runs zawiad",
    "initiative": "inicj pomysl zapoczatk zalozyl zalozyc founder started initiat utworzyl",
    "contact": "kontakt skontakt telefon zadzwon dzwon numer mail. maila mejl email contact phone call. tel.",
    "open": "otwart czynn otwier zamyka zamkn open. opening",
    "member": "czlon uczestn podmiot sygnat member particip signator",
    "join": "dolacz przystap wstap przystep wejsc wstep dopis przylacz join. joining wchodz zglosic",
    "apply": "wnios formul zglosz zglas deklarac apply applic form. sign",
    "fee": "sklad. sklade skladk wpisow oplat koszt kosztuj plac placi. placa zaplac darmo "
    "bezplat platn fee fees cost free pay charge bulim kasa kasy friko gratis zlot",
    "year": "stary. wiek rok. roku rokiem lat. lata year years old. rocznic",
    "sign": "podpis zawar zawiaz sign. signed signing",
    "agreement": "porozum umow agreement deal",
    "cluster": "klast aglom cluster",
    "name": "nazw nazyw zwie name. called imie imien zwa. zwiesz",
    "university": "uczeln uniwer szkol politech akadem univers wyzsz uniwerk studia",
    "local": "gmin samorz powiat starost miast urzad urzed municip communes count city local wojt",
    "company": "firm. firma firmy firme firmie przedsieb spolk compan firms zaklad",
    "housing": "spoldz mieszkaniow housing",
    "media": "media. gazet radio telewiz prasa",
    "finance": "bank. banki banks finans financ",
    "institution": "instytu stowarz organiz federac agenc izb institut associat",
    "water": "wod. woda wody wode wodoc water kanaliz",
    "waste": "odpad smiec sciek waste rubbish garbage sewage",
    "energy": "prad energ elektr gaz. gazu gazow ciepl ogrzew electric heat gas. power",
    "transport": "transp autobus tramwaj komunikacj bus. buses drog",
    "net": "internet telefoni swiatlow",
    "area": "obszar zakres dziedz branz scope area field zajmuj obejm cover trudnic",
    "benefit": "korzy plus. plusy profit zalet zysk benefit advant oplaca warto worth",
    "docs": "dokum papier zalacz zaswiad document paper krs.",
    "vote": "glos. glosu glosow glosy vote voting decyz uchwal",
    "statute": "statut regul statute rules",
    "money": "budzet finansuj dotac pienia dofinans sponsor budget money",
    "person": "prywat fizyczn mieszkan osob. osoba individual private person",
    "now": "teraz dzis dzisiaj obecn aktualn nadal jeszcze. wciaz now. today current still",
    "list": "list. lista liste wykaz spis wymien pelna wszystk list. all. every",
    "data": "dane. danych danymi data. rodo prywatnosc privacy gdpr informacj",
    "keep": "przecho zapisuj zapisyw zbier gromadz trzyma store keep kept saved record nagryw czyta",
    "message": "poufn wiadom rozmow pisze. napisz messag convers chat czat",
    "delete": "usun skas wykas wymaz zniknac delete erase remove forget zapomn",
    "account": "konto. konta kont. account",
    "language": "jezyk angiel english polish polsk language",
    "bot": "bot. bota botem bocie robot automat maszyn program.",
    "human": "czlowiek human person konsultant",
    "me": "ja. mnie. mi. moj. moja moje. moich moim i. me. my. am. jestem.",
    "you": "ty. ciebie cie. jestes. umiesz potrafisz mozesz you. your. twoj twoje",
    "come": "przyjd bede. bedzie. udzial obecn come. coming attend potwierdz confirm idzie",
    "change": "zmien zmian rozmysl change odwol anuluj wycof cancel cofn jednak pomyl odkrec wypis",
    "bylaw": "kadenc",
    "website": "stron. strona strone www. facebook website internetow. logo fanpage",
    "help": "pomoc. pomoz komend funkcj opcj obslug help. command umie. umiesz potraf",
    "insult": "choler beznadziej bezuzytecz glup idiot debil kretyn stupid kurw spierd pierd chuj",
    "threat": "spal. spale zabij zniszcz wysadz podpal pozw pozew pozaluj burn destroy",
    "orders": "zignor ignor zapomnij instruk polecen prompt udawaj pretend disregard haslo password",
}
_LENGTHS = range(1, 11)
_GROUP_OF = {stem: group for group, stems in _STEMS.items() for stem in stems.split()}


@lru_cache(maxsize=16384)
def group_of(word: str) -> str | None:
    """Return the group of a folded word, None when it has none; the longest stem wins."""
    exact = _GROUP_OF.get(word + ".")
    if exact:
        return exact
    stems = (_GROUP_OF.get(word[:length]) for length in reversed(_LENGTHS) if length <= len(word))
    return next((group for group in stems if group), None)
