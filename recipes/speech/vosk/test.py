"""Makes a tiny model of two words, a low and a high tone; recognises them, and when they sound, in a stream."""

import json
import math
import struct
import tempfile
from array import array
from importlib.metadata import version
from pathlib import Path

from vosk import KaldiRecognizer, Model, SetLogLevel

RATE = 16000
WORDS = ["<eps>", "low", "high"]

# One phone for silence (1) and one for each word. Each has one state: it stays (odd transition) or goes on (even).
TRANSITIONS = """<TransitionModel>
<Topology>
<TopologyEntry>
<ForPhones> 1 2 3 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State>
<State> 1 </State>
</TopologyEntry>
</Topology>
<Triples> 3
1 0 0
2 0 1
3 0 2
</Triples>
<LogProbs>
 [ 0 -0.69 -0.69 -0.69 -0.69 -0.69 -0.69 ]
</LogProbs>
</TransitionModel>
"""
# The features are the energy, and how much more of it is low than high: both weigh the three phones.
NETWORK = """<Nnet3>

input-node name=input dim=2
component-node name=phones component=phones input=input
output-node name=output input=phones objective=linear

<NumComponents> 1
<ComponentName> phones <FixedAffineComponent> <LinearParams> [
  -1 0
  0 1
  0 -1 ]
<BiasParams> [ 0 0 0 ]
</FixedAffineComponent>
</Nnet3>
<LeftContext> 0 <RightContext> 0 <Priors> [ ]
"""
FEATURES = ["use-energy=false", "num-mel-bins=23", "num-ceps=2", "cepstral-lifter=0", "dither=0"]
DECODING = ["acoustic-scale=1.0", "frame-subsampling-factor=3", "endpoint.silence-phones=1"]


def graph():
    """Return a graph in OpenFst's format: from the first state into each phone, which lasts, and back."""

    def text(value):
        return struct.pack("<i", len(value)) + value

    def state(cost, *arcs):
        return struct.pack("<fq", cost, len(arcs)) + b"".join(struct.pack("<iifi", *arc) for arc in arcs)

    never, expensive = math.inf, 20.0
    states = [state(0, (2, 0, expensive, 1), (4, 1, expensive, 2), (6, 2, expensive, 3))]
    states += [state(never, (stay, 0, 0, number), (0, 0, 0, 0)) for number, stay in enumerate((1, 3, 5), 1)]
    header = struct.pack("<i", 2125659606) + text(b"vector") + text(b"standard")
    arcs = 3 + 3 * 2
    return header + struct.pack("<iiQqqq", 2, 0, 3, 0, len(states), arcs) + b"".join(states)


def options(lines):
    return "".join(f"--{line}\n" for line in lines)


def tone(pitch, seconds):
    return array("h", (int(8000 * math.sin(2 * math.pi * pitch * i / RATE)) for i in range(int(seconds * RATE))))


SetLogLevel(-1)
with tempfile.TemporaryDirectory() as folder:
    files = {
        "am/final.mdl": TRANSITIONS + NETWORK,
        "conf/mfcc.conf": options(FEATURES),
        "conf/model.conf": options(DECODING),
        "graph/phones/word_boundary.int": "1 nonword\n2 singleton\n3 singleton\n",
        "graph/words.txt": "".join(f"{word} {number}\n" for number, word in enumerate(WORDS)),
    }
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    Path(folder, "graph/HCLG.fst").write_bytes(graph())
    recognizer = KaldiRecognizer(Model(folder), RATE)

recognizer.SetWords(True)
silence = tone(0, 0.4)
sound = (silence + tone(200, 0.5) + silence + tone(4000, 0.5) + silence + tone(200, 0.5) + silence).tobytes()
for start in range(0, len(sound), 3200):
    recognizer.AcceptWaveform(sound[start : start + 3200])
result = json.loads(recognizer.FinalResult())
assert result["text"] == "low high low", result
assert len(result["result"]) == 3, result
# A word is found to within a step, which is 0.03 s.
for word, start in zip(result["result"], (0.4, 1.3, 2.2)):
    assert abs(word["start"] - start) < 0.04, word
    assert abs(word["end"] - start - 0.5) < 0.04, word
print(f"vosk: {version('vosk')}")
