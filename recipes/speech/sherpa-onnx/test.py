"""Finds speakers again by their embeddings, keeps sound in a ring, stores it, and groups voices that are alike."""

import math
import tempfile
import wave
from pathlib import Path

import sherpa_onnx


def direction(degrees):
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0]


speakers = sherpa_onnx.SpeakerEmbeddingManager(3)
assert speakers.add("ada", direction(0))
assert speakers.add("bob", direction(90))
assert speakers.search(direction(20), 0.8) == "ada"
assert speakers.search(direction(45), 0.8) == ""  # cos 45° is 0.71
assert abs(speakers.score("bob", direction(30)) - 0.5) < 1e-5

buffer = sherpa_onnx.CircularBuffer(8)
buffer.push([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
buffer.pop(4)
buffer.push([7.0, 8.0, 9.0])  # around the end
assert (buffer.head, buffer.size) == (4, 5)
assert list(buffer.get(buffer.head, 5)) == [5.0, 6.0, 7.0, 8.0, 9.0]

with tempfile.TemporaryDirectory() as folder:
    path = str(Path(folder, "tone.wav"))
    sherpa_onnx.write_wave(path, [0.5 * math.sin(2 * math.pi * 440 * n / 16000) for n in range(1600)], 16000)
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 1600)
        loudest = max(abs(value) for value in memoryview(file.readframes(1600)).cast("h"))
    assert abs(loudest - 32767 / 2) < 40, loudest

points = [direction(degrees) for degrees in (0, 5, 90, 95, 2)]
labels = sherpa_onnx.FastClustering(sherpa_onnx.FastClusteringConfig(num_clusters=2))(points)
assert labels[0] == labels[1] == labels[4] != labels[2] == labels[3], labels

# A model that is not there is refused by the native library's own check.
config = sherpa_onnx.VadModelConfig(silero_vad=sherpa_onnx.SileroVadModelConfig(model="/nowhere.onnx"))
assert not config.validate()
print(f"sherpa-onnx: {sherpa_onnx.version}")
