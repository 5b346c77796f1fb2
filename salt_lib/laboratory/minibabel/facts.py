"""Facts, the unit of meaning, and the world's preferences about which facts are true.

A fact is who does what to whom, how many, where and with whom. Its *preferences* (which adjectives,
names and numbers go with a noun, which agents and patients with a verb, which places with an agent)
belong to the world and are the same in every language: with shared names, digits and word pieces
they are the only signal from which a language model could align the languages.

Facts are rows of an int16 array; `Fact` is the readable form of one row. The partition of facts
into languages' corpora and task splits is a hash of their content.

Chapter: The laboratory.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...languages import LANGUAGES
from .lexicon import hyponyms, lexicon, of_kind

NAMES = tuple(
    "Aiko Anna Ben Boris Carla Chen David Diego Elif Emma Farid Fatima Gita Hana Hugo Ivan Jana "
    "Juan Karim Kofi Leila Lina Marta Mina Nadia Omar Paula Ravi Sara Tariq Uma Viktor Wei Yuki "
    "Zara Zoltan".split()
)
CITIES = tuple(
    "Accra Baku Bern Bogota Cairo Dakar Delhi Dublin Hanoi Havana Kabul Kiev Lagos Lima Lisbon "
    "Manila Minsk Nairobi Oslo Paris Perth Quito Riga Roma Seoul Sofia Sydney Tokyo Tunis "
    "Vienna".split()
)
NUMBERS = ("2", "3", "4", "5", "6", "7", "8", "9", "10", "12", "20", "50", "100")
PREPOSITIONS = ("in", "near")


class Fact(NamedTuple):
    """One fact, in words (English forms). None: not said.

    No ``verb``: the agent *is* as its adjective says, or somewhere.
    """

    agent: str
    verb: str | None
    patient: str | None
    agent_adjective: str | None = None
    patient_adjective: str | None = None
    agent_number: str | None = None
    patient_number: str | None = None
    preposition: str | None = None
    place: str | None = None
    city: str | None = None
    name: str | None = None
    negated: bool = False


FIELDS = {field: i for i, field in enumerate(Fact._fields)}
# How often an optional part is said at all.
RATES = {
    "agent_adjective": 0.5,
    "patient_adjective": 0.5,
    "agent_number": 0.3,
    "patient_number": 0.6,
    "place": 0.5,
    "city": 0.6,
    "name": 0.8,
    "negated": 0.1,
}
ZIPF = 0.6  # exponent of the words' popularity
OPPOSITE = 0.3  # how much of a word's company is its antonym's
KIN = 0.3  # how much of a noun's or place's company is its family's
LOCATED = 0.1  # share of facts that only say where somebody is
PARTITIONS = (*LANGUAGES, "train", "dev", "test")
EDITION = 3  # of the worlds: those of another edition share nothing with these
_TABLE = 4096  # resolution of the sampling tables


@cache
def inventory() -> dict[str, tuple[str, ...]]:
    """What an id in each column of a fact array stands for: column → concepts, names or numbers."""
    nouns, places, verbs = of_kind("noun"), of_kind("place"), of_kind("verb")
    adjectives = of_kind("adjective")
    return {
        "agent": nouns,
        "verb": verbs,
        "patient": nouns,
        "agent_adjective": adjectives,
        "patient_adjective": adjectives,
        "agent_number": NUMBERS,
        "patient_number": NUMBERS,
        "preposition": PREPOSITIONS,
        "place": places,
        "city": CITIES,
        "name": NAMES,
        "negated": ("no", "yes"),
    }


def animate() -> np.ndarray:
    """Mask over nouns: those that can act (animals and persons)."""
    acting = {"animal", "person", *hyponyms("animal"), *hyponyms("person")}
    return np.array([noun in acting for noun in of_kind("noun")])


def _popularity(rng: np.random.Generator, options: int) -> np.ndarray:
    """How common each option is in this world: Zipf-like weights in a random order, (options,)."""
    weights = 1.0 / (1.0 + np.arange(options)) ** ZIPF
    return rng.permutation(weights / weights.sum())


def _favourites(
    rng: np.random.Generator, heads: int, popularity: np.ndarray, count: int
) -> np.ndarray:
    """(heads, options) preferences: ``count`` favourites a head hold 90 %, the rest share 10 %.

    Popular options are more often somebody's favourite.
    """
    weights = np.tile(0.1 * popularity, (heads, 1))
    for row in weights:
        chosen = rng.choice(len(popularity), size=count, replace=False, p=popularity)
        row[chosen] += 0.9 * rng.dirichlet(np.full(count, 2.0))
    return weights


def _share(weights: np.ndarray, opposites: np.ndarray, axis: int) -> np.ndarray:
    """(heads, options) in which each word along ``axis`` takes `OPPOSITE` of its antonym's."""
    return (1 - OPPOSITE) * weights + OPPOSITE * weights.take(opposites, axis=axis)


def _kin(weights: np.ndarray, kind: str) -> np.ndarray:
    """(heads, options) in which each noun or place takes `KIN` of what its family has on average.

    A family is what has one hypernym.
    """
    above = np.array([lexicon()[name].hypernym or name for name in of_kind(kind)])
    mean = np.empty_like(weights)
    for family in np.unique(above):
        mean[:, above == family] = weights[:, above == family].mean(axis=1, keepdims=True)
    return (1 - KIN) * weights + KIN * mean


def _opposites(kind: str) -> np.ndarray:
    """Option id → id of its antonym, or its own without one, for the concepts of a kind."""
    names = of_kind(kind)
    return np.array([names.index(lexicon()[name].antonym or name) for name in names])


def _tables(weights: np.ndarray) -> np.ndarray:
    """(heads, options) weights → (heads, _TABLE) option ids, each as often as its weight says."""
    cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    points = (np.arange(_TABLE) + 0.5) / _TABLE
    rows = [np.searchsorted(row, points).clip(max=len(row) - 1) for row in cumulative]
    return np.stack(rows).astype(np.int16)


class World:
    """The preferences of one world. The same seed gives the same world on every machine.

    ``noun_adjective``, ``noun_name``, ``noun_number``, ``noun_place``, ``place_city``,
    ``verb_agent``, ``verb_patient``, ``verb_name``: (heads, options) probabilities.
    """

    def __init__(self, seed: int):
        self.seed = seed
        rng = np.random.default_rng([EDITION, seed, 1])
        ids = inventory()
        nouns, verbs, places = len(ids["agent"]), len(ids["verb"]), len(ids["place"])
        popular = {
            part: _popularity(rng, size)
            for part, size in (
                ("noun", nouns), ("verb", verbs), ("place", places), ("number", len(NUMBERS)),
                ("adjective", len(ids["agent_adjective"])), ("name", len(NAMES)),
                ("city", len(CITIES)),
            )
        }  # fmt: skip
        acting = popular["noun"] * animate()
        # Opposites keep the same company, as in real text: what can be big can be small. So do
        # things of a kind: what can be eaten is food.
        self.noun_adjective = _favourites(rng, nouns, popular["adjective"], 4)
        self.noun_adjective = _share(self.noun_adjective, _opposites("adjective"), axis=1)
        self.noun_name = _favourites(rng, nouns, popular["name"], 3)
        self.noun_number = _favourites(rng, nouns, popular["number"], 3)
        self.noun_place = _kin(_favourites(rng, nouns, popular["place"], 3), "place")
        self.place_city = _favourites(rng, places, popular["city"], 3)
        opposites = _opposites("verb")
        self.verb_agent = _favourites(rng, verbs, acting / acting.sum(), 6)
        self.verb_agent = _share(self.verb_agent, opposites, axis=0)
        self.verb_patient = _kin(_favourites(rng, verbs, popular["noun"], 8), "noun")
        self.verb_patient = _share(self.verb_patient, opposites, axis=0)
        self.verb_name = _favourites(rng, verbs, popular["name"], 3)
        verb_weight = popular["verb"]
        self._draw = {
            "verb": _tables(verb_weight[None]),
            "agent|verb": _tables(self.verb_agent),
            "patient|verb": _tables(self.verb_patient),
            "verb|agent": _tables((self.verb_agent * verb_weight[:, None]).T + 1e-9),
            "verb|patient": _tables((self.verb_patient * verb_weight[:, None]).T + 1e-9),
            "adjective": _tables(self.noun_adjective),
            "name|noun": _tables(self.noun_name),
            "city": _tables(self.place_city),
            "name|verb": _tables(self.verb_name),
            "number": _tables(self.noun_number),
            "place": _tables(self.noun_place),
        }

    def _pick(self, table: str, heads, rng: np.random.Generator) -> np.ndarray:
        heads = np.asarray(heads)
        return self._draw[table][heads, rng.integers(_TABLE, size=heads.shape)]

    def sample(
        self,
        rng: np.random.Generator,
        size: int,
        given: np.ndarray | None = None,
        described: bool = False,
    ) -> np.ndarray:
        """Draw facts: (size, 12) int16, columns as in `FIELDS`, −1 where nothing is said.

        given: an array of that shape whose entries ≥ 0 are kept; the rest is drawn around them.
        described: each fact says no more than what its agent is like, perhaps where and with whom.
        """
        facts = np.full((size, len(FIELDS)), -1, dtype=np.int16) if given is None else given.copy()
        column = {name: facts[:, i] for name, i in FIELDS.items()}

        def fill(name, values, say=None):
            free = column[name] < 0
            if say is not None:
                free &= say
            column[name][free] = np.broadcast_to(values, free.shape)[free]

        acts, suffers = column["agent"] >= 0, column["patient"] >= 0
        verbless = column["verb"] < 0
        fill("verb", self._pick("verb|agent", column["agent"].clip(0), rng), acts)
        fill("verb", self._pick("verb|patient", column["patient"].clip(0), rng), suffers)
        fill("verb", self._pick("verb", np.zeros(size, int), rng))
        fill("agent", self._pick("agent|verb", column["verb"], rng))
        fill("patient", self._pick("patient|verb", column["verb"], rng))
        located = (rng.random(size) < LOCATED) & verbless & ~suffers
        located |= described
        column["verb"][located] = -1
        column["patient"][located] = -1
        say = {name: rng.random(size) < rate for name, rate in RATES.items()}
        say["agent_adjective"] |= described
        for role in ("agent", "patient"):
            head = column[role].clip(0)
            there = column[role] >= 0
            adjective, number = f"{role}_adjective", f"{role}_number"
            fill(adjective, self._pick("adjective", head, rng), say[adjective] & there)
            fill(number, self._pick("number", head, rng), say[number] & there)
        column["patient_adjective"][located] = -1
        column["patient_number"][located] = -1
        nothing = located & (column["agent_adjective"] < 0)  # said of it: then where it is
        fill("place", self._pick("place", column["agent"], rng), say["place"] | nothing)
        placed = column["place"] >= 0
        fill("preposition", (rng.random(size) < 0.4).astype(np.int16), placed)
        fill("city", self._pick("city", column["place"].clip(0), rng), say["city"] & placed)
        by_verb = (rng.random(size) < 0.4) & (column["verb"] >= 0)
        name = np.where(
            by_verb,
            self._pick("name|verb", column["verb"].clip(0), rng),
            self._pick("name|noun", column["agent"], rng),
        )
        fill("name", name, say["name"])
        fill("negated", say["negated"].astype(np.int16))
        return facts


@cache
def _families() -> dict[str, np.ndarray]:
    """Column → id of a value's family: a hypernym with its hyponyms, or an antonym pair."""
    table = {}
    for column, values in inventory().items():
        names = list(values)
        if values[0] in lexicon():
            names = [_family(value) for value in values]
        ids = {name: i for i, name in enumerate(dict.fromkeys(names))}
        table[column] = np.array([ids[name] for name in names], dtype=np.uint64)
    return table


def _family(concept: str) -> str:
    item = lexicon()[concept]
    return item.hypernym or min(concept, item.antonym or concept)


def _mix(value: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: spreads 64-bit numbers evenly."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def family_hash(facts: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each fact's *family* (n,): equal for facts that differ in wording, in
    number, by a hypernym, hyponym, co-hyponym or antonym, or by swapping agent and patient.

    So a sentence and what an inference or paraphrase pair makes of it stay in one partition.
    """
    value = np.zeros(len(facts), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for salt, columns in enumerate(
            (
                ("agent", "patient"),
                ("agent_adjective", "patient_adjective"),
                ("verb",),
                ("place",),
                ("preposition",),
                ("city",),
                ("name",),
                ("negated",),
            ),
            start=1,
        ):
            part = np.zeros_like(value)
            for column in columns:  # a sum: what is swapped counts the same
                ids = facts[:, FIELDS[column]].astype(np.int64)
                family = np.where(ids < 0, 0, _families()[column][ids.clip(0)] + np.uint64(1))
                part += _mix(family + np.uint64(0x9E3779B97F4A7C15))
            value = _mix(value * np.uint64(31) + part + np.uint64(salt))
    return value


def partition(facts: np.ndarray) -> np.ndarray:
    """Index into `PARTITIONS` of the one corpus or split that a fact (n, 12) may occur in: (n,)."""
    return (family_hash(facts) % np.uint64(len(PARTITIONS))).astype(np.int64)


def draw_fitting(
    where: np.ndarray,
    draw: Callable[[np.ndarray], np.ndarray],
    otherwise: np.ndarray | None = None,
    tries: int = 200,
) -> np.ndarray:
    """Draw one fact for each wanted partition index in ``where`` (n,), by rejection: (n, 12).

    draw: row numbers (m,) → facts (m, 12), drawn anew at each call. otherwise: (n, 12), what a row
    becomes when none of ``tries`` draws fits; without it, draws go on.
    """
    facts = np.empty((len(where), len(FIELDS)), dtype=np.int16)
    rows = np.arange(len(where))
    while len(rows):
        if otherwise is not None and tries == 0:
            facts[rows] = otherwise[rows]
            break
        tries -= 1
        drawn = draw(rows)
        fits = partition(drawn) == where[rows]
        facts[rows[fits]] = drawn[fits]
        rows = rows[~fits]
    return facts


def sample_in(world: World, rng: np.random.Generator, where: np.ndarray) -> np.ndarray:
    """Draw a fact of the world for each wanted partition index in ``where`` (n,): (n, 12)."""
    return draw_fitting(where, lambda rows: world.sample(rng, len(rows)))


def readable(row: np.ndarray) -> Fact:
    """One row of a fact array as a `Fact` that uses each concept's commonest word."""
    ids = inventory()
    values: dict[str, Any] = {}
    for name, i in FIELDS.items():
        code = int(row[i])
        value = None if code < 0 else ids[name][code]
        if value is not None and value in lexicon():
            value = lexicon()[value].forms["en"][0]
        values[name] = value
    return Fact(**{**values, "negated": values["negated"] == "yes"})
