"""Makes a tiny model that writes a letter for each tone, stores it, and lets the stored one read a sound file."""

import math
import os
import sys
import tempfile
import wave
from array import array
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "disabled"
GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"nemo: not run, because the driver is only on the board ({error})")
    sys.exit(0)

import nemo  # noqa: E402 - after the one above has had its say
from nemo.collections.asr.metrics.wer import word_error_rate  # noqa: E402
from nemo.collections.asr.models import ASRModel, EncDecCTCModel  # noqa: E402
from nemo.collections.common.tokenizers.text_to_speech.tts_tokenizers import EnglishCharsTokenizer  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

RATE, BANDS = 16000, 60
LETTERS = {"a": 200, "b": 1200, "c": 4500}  # and their pitches
MODULES = "nemo.collections.asr.modules"

device = "cuda" if GPU and torch.cuda.is_available() else "cpu"
layer = {
    "filters": 3,
    "repeat": 1,
    "kernel": [1],
    "stride": [1],
    "dilation": [1],
    "dropout": 0.0,
    "residual": False,
}
settings = {
    "preprocessor": {
        "_target_": f"{MODULES}.AudioToMelSpectrogramPreprocessor",
        "sample_rate": RATE,
        "features": BANDS,
        "normalize": None,
        "dither": 0.0,
        "pad_to": 0,
    },
    "encoder": {"_target_": f"{MODULES}.ConvASREncoder", "feat_in": BANDS, "activation": "relu", "jasper": [layer]},
    "decoder": {
        "_target_": f"{MODULES}.ConvASRDecoder",
        "feat_in": 3,
        "num_classes": 3,
        "vocabulary": list(LETTERS),
    },
}
model = EncDecCTCModel(OmegaConf.create(settings)).eval()
with torch.no_grad():
    # Each letter has a third of the bands, and is heard if that is louder than the others; else the blank is.
    (heard,) = (p for name, p in model.encoder.named_parameters() if name.endswith("conv.weight"))
    heard.copy_((1.5 * torch.eye(3) - 0.5).repeat_interleave(BANDS // 3, 1)[:, :, None] * 3 / BANDS)
    (written,) = (p for name, p in model.decoder.named_parameters() if name.endswith("weight"))
    written.copy_(torch.eye(4, 3)[:, :, None])
    (bias,) = (p for name, p in model.decoder.named_parameters() if name.endswith("bias"))
    bias.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]))

samples = array("h")
for sign in "ab-c-cca":
    step = 2 * math.pi * LETTERS.get(sign, 0) / RATE
    samples.extend(int(16000 * math.sin(step * i)) for i in range(RATE // 4))
with tempfile.TemporaryDirectory() as folder:
    sound, store = (str(Path(folder, name)) for name in ("tones.wav", "tiny.nemo"))
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    model.save_to(store)
    stored = ASRModel.restore_from(store, map_location=device)
    assert type(stored) is EncDecCTCModel
    (answer,) = stored.transcribe([sound], batch_size=1, num_workers=0, return_hypotheses=True, verbose=False)
assert answer.text == "abcca", answer

assert word_error_rate(["a cat sat"], ["a cat sat down"]) == 0.25
signs = EnglishCharsTokenizer()
assert signs.decode(signs.encode("Ada's cat.")).replace("|", "").strip() == "ada's cat.", signs.encode("Ada's cat.")
print(f"nemo: {nemo.__version__} on {device}")
