"""Finds the pitch of a tone in its spectrogram, and resamples it; on a GPU too, if there is one."""

import math
from pathlib import Path

import torch
import torchaudio

devices = ["cpu"]
if Path("/dev/nvidia0").exists() and torch.version.cuda:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    devices.append("cuda")

rate, pitch = 8000, 1000
tone = torch.sin(2 * math.pi * pitch * torch.arange(rate) / rate)
for device in devices:
    spectrogram = torchaudio.transforms.Spectrogram(n_fft=400).to(device)(tone.to(device))
    assert spectrogram.shape[0] == 201, spectrogram.shape
    # 400 points at 8 kHz are 20 Hz apart.
    assert int(spectrogram.mean(dim=1).argmax()) == pitch // 20

    half = torchaudio.functional.resample(tone.to(device), rate, rate // 2)
    assert half.shape == (rate // 2,), half.shape
    middle = slice(100, -100)  # without the filter's edges
    assert torch.allclose(half[middle], tone.to(device)[::2][middle], atol=1e-2)

decibel = torchaudio.functional.amplitude_to_DB(torch.tensor([[100.0]]), 10.0, 1e-10, 0.0)
assert abs(decibel.item() - 20) < 1e-4, decibel
print(f"torchaudio: {torchaudio.__version__} on {', '.join(devices)}")
