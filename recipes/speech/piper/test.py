"""Turns text of two languages into sounds and their numbers, and completes Arabic by the network that it brings."""

import unicodedata
from importlib.metadata import version

from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids
from piper.phonemize_espeak import EspeakPhonemizer
from piper.tashkeel import TashkeelDiacritizer

speaker = EspeakPhonemizer()
first, second = speaker.phonemize("en-us", "Two robots see 42 cats. Stop!")
assert "".join(first) == "tˈuː ɹˈoʊbɑːts sˈiː fˈɔːɹɾi tˈuː kˈæts.", "".join(first)  # a number is read as words
assert "".join(second) == "stˈɑːp!", "".join(second)
(german,) = speaker.phonemize("de", "Guten Tag")
assert "".join(german) == "ɡˈuːtən tˈɑːk", "".join(german)

ids = phonemes_to_ids(second)
beginning, end, gap = (DEFAULT_PHONEME_ID_MAP[sign][0] for sign in "^$_")
assert ids[0] == beginning
assert ids[-1] == end
assert [number for number in ids if number != gap][1:-1] == [DEFAULT_PHONEME_ID_MAP[sound][0] for sound in second]

bare = "بسم الله"
full = TashkeelDiacritizer()(bare)
marks = [sign for sign in full if unicodedata.combining(sign)]
assert len(marks) >= 4, full
assert "".join(sign for sign in full if not unicodedata.combining(sign)) == bare, full
print(f"piper: {version('piper-tts')}")
