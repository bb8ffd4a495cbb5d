"""Reads sound at another rate, finds its tone in Whisper's features, and hears no speech in it."""

import tempfile
import wave
from pathlib import Path

import ctranslate2
import faster_whisper
import numpy as np
from ctranslate2.specs import WhisperSpec
from faster_whisper.vad import get_speech_timestamps
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

RATE, MELS = 16000, 80
WORDS = ["low", "high", "-", "<unk>", "<|endoftext|>", "<|startoftranscript|>", "<|translate|>", "<|transcribe|>"]
WORDS += ["<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", "<|0.00|>"]
SIZE = 16  # of each vector, in which each word has an axis of its own
LOW, HIGH, END = WORDS.index("low"), WORDS.index("high"), WORDS.index("<|endoftext|>")


def zeros(*shape):
    return np.zeros(shape, np.float32)


def linear(layer, rows, columns=SIZE):
    layer.weight, layer.bias = zeros(rows, columns), zeros(rows)
    return layer.weight


def norm(layer):
    layer.gamma, layer.beta = np.ones(SIZE, np.float32), zeros(SIZE)


def attention(layer):
    norm(layer.layer_norm)
    for part, rows in zip(layer.linear, (3, 1) if len(layer.linear) == 2 else (1, 2, 1), strict=True):
        linear(part, rows * SIZE)


def write_model(folder):
    """Store a model in which nothing but the tone's pitch reaches the first word, and each word is the last."""
    spec = WhisperSpec(1, 1, 1, 1)
    ear, mouth = spec.encoder, spec.decoder
    for conv, inputs in ((ear.conv1, MELS), (ear.conv2, SIZE)):
        conv.weight, conv.bias = zeros(SIZE, inputs, 3), zeros(SIZE)
    ear.conv1.weight[LOW, : MELS // 2, 1] = ear.conv1.weight[HIGH, MELS // 2 :, 1] = 1
    ear.conv1.weight[LOW, MELS // 2 :, 1] = ear.conv1.weight[HIGH, : MELS // 2, 1] = -1
    ear.conv2.weight[:, :, 1] = np.eye(SIZE)
    ear.position_encodings.encodings = zeros(1500, SIZE)
    mouth.embeddings.weight = zeros(len(WORDS), SIZE)
    mouth.position_encodings.encodings = zeros(448, SIZE)
    for half in (ear, mouth):
        norm(half.layer_norm)
        (layer,) = half.layer
        attention(layer.self_attention)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, SIZE)
        linear(layer.ffn.linear_1, SIZE)
    attention(layer.attention)
    layer.attention.linear[1].weight[SIZE:] = layer.attention.linear[2].weight[:] = np.eye(SIZE)
    # After a word the embedding, which is longer than all that is heard, asks for the end.
    mouth.embeddings.weight[[LOW, HIGH], END] = 1000
    linear(mouth.projection, len(WORDS))[:] = 10 * np.eye(len(WORDS), SIZE)
    spec.register_vocabulary(WORDS)
    spec.validate()
    spec.save(folder)
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(Path(folder, "tokenizer.json")))


def tone(pitch, seconds, rate):
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def vowels():
    """Return "a i u a i u" as a throat and a mouth form it: overtones, those near three pitches the loudest."""
    parts = []
    for throat, mouth in zip(
        [110, 120] * 3, [(700, 1200, 2500), (300, 2300, 3000), (300, 800, 2300)] * 2, strict=True
    ):
        time = np.arange(RATE // 4) / RATE
        turns = throat * np.cumsum(1 + 0.05 * np.sin(6 * np.pi * time)) / RATE
        sound = zeros(len(time))
        for overtone in range(1, 40):
            loudness = sum(1 / (1 + ((overtone * throat - loudest) / 90) ** 2) for loudest in mouth)
            sound = sound + loudness * np.sin(2 * np.pi * overtone * turns) / overtone**0.5
        parts += [sound * np.hanning(len(sound)) ** 0.5, zeros(RATE // 20)]
    return 0.3 * np.concatenate(parts) / np.abs(parts[0]).max()


def write_sound(path, samples, rate):
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        file.writeframes(np.repeat((samples * 32767).astype("<i2"), 2).tobytes())


gpu = ctranslate2.get_cuda_device_count() > 0
with tempfile.TemporaryDirectory() as folder:
    write_model(folder)
    model = faster_whisper.WhisperModel(folder, device="cuda" if gpu else "cpu", compute_type="float32")
    path = Path(folder, "tone.wav")
    for word, pitch in {"low": 200, "high": 4000}.items():
        write_sound(path, tone(pitch, 5, 44100), 44100)  # in stereo, and at a rate that has to be changed
        sound = faster_whisper.decode_audio(str(path))
        assert sound.shape == (5 * RATE,), sound.shape
        assert int(np.abs(np.fft.rfft(sound)).argmax()) == 5 * pitch  # a fifth of 1 Hz apart
        segments, about = model.transcribe(
            str(path), without_timestamps=True, temperature=0, no_speech_threshold=None, beam_size=2
        )
        assert [segment.text for segment in segments] == [word], word
        assert about.duration == 5, about

# The model that finds speech is in the package: it hears none in silence, and some where there are vowels.
assert get_speech_timestamps(zeros(RATE)) == []
sound = np.concatenate([zeros(3 * RATE), vowels(), zeros(3 * RATE)]).astype(np.float32)
(speech,) = get_speech_timestamps(sound, speech_pad_ms=0)
assert abs(speech["start"] - 3 * RATE) < RATE / 5, speech
assert abs(speech["end"] - (len(sound) - 3 * RATE)) < RATE / 5, speech
print(f"faster-whisper: {faster_whisper.__version__} on {'GPU' if gpu else 'CPU'}")
