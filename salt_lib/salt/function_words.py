"""English function words: what is *not* a content word, defined once.

The closed classes: determiners, pronouns, auxiliaries, prepositions, conjunctions, particles,
question words, number words, and the adverbs that only point, link or intensify ("here", "however",
"very"). Compiled for this study from the classes' definitions; where a form is of both kinds
("like", "past", "second"), it stands here if English text mostly has its closed-class use.

Chapter: Distillation.
"""

_CLASSES = """
a an the this that these those such same other others another both either neither each every all any
some no none few fewer fewest many more most much little less least several enough half
i me my mine myself you your yours yourself yourselves he him his himself she her hers herself it
its itself we us our ours ourselves they them their theirs themselves one ones oneself thou thee thy
everybody everyone everything somebody someone something anybody anyone anything nobody nothing
be am is are was were been being do does did done doing have has had having will would shall should
can could may might must ought cannot ain aren isn wasn weren don doesn didn haven hasn hadn won
wouldn shan shouldn couldn mightn mustn needn ll re ve
aboard about above across after against along alongside amid among amongst around as at atop before
behind below beneath beside besides between beyond but by despite down during except for
from in inside into like near of off on onto opposite out outside over past per regarding since than
through throughout till to toward towards under underneath unlike until up upon versus via with
within without
and or nor so yet because although though while whereas if unless whether once lest albeit
therefore thus hence moreover furthermore nevertheless nonetheless otherwise instead
meanwhile
who whom whose which what when where why how whoever whomever whichever whatever whenever wherever
however
not n't never there here then now too also very just only even still already again always often
sometimes ever quite rather almost perhaps maybe else anyway away back forth ago soon thereby
therein whereby wherein somewhere anywhere everywhere nowhere somehow yes oh uh um
zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand
million billion first second third
"""

FUNCTION_WORDS = frozenset(_CLASSES.split())


def is_content(word: str) -> bool:
    """Whether an English word, of any case, is a content word: of letters, no function word."""
    return word.isalpha() and word.lower() not in FUNCTION_WORDS
