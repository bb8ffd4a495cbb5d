"""Multiplies matrices, folds a picture with a small network, and trains it; on the GPU, if PyTorch has it."""

import torch
from edgebake_bench import measure

gpu = torch.cuda.is_available()
device = "cuda" if gpu else "cpu"
torch.manual_seed(0)
a, b = (torch.rand(512, 512, device=device) for _ in range(2))
pictures = torch.rand(1, 3, 224, 224, device=device)
network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 32, 3, stride=2, padding=1),
    torch.nn.ReLU(),
    torch.nn.Conv2d(32, 64, 3, stride=2, padding=1),
    torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(1),
    torch.nn.Flatten(),
    torch.nn.Linear(64, 10),
).to(device)
optimizer = torch.optim.SGD(network.parameters(), lr=0.01)


def waited(call):
    """Return the call, with the wait until a GPU is done."""

    def whole():
        call()
        if gpu:
            torch.cuda.synchronize()

    return whole


def infer():
    with torch.no_grad():
        network(pictures)


def train():
    optimizer.zero_grad()
    network(pictures).square().mean().backward()
    optimizer.step()


measure("matrix product, float32 512 x 512", waited(lambda: a @ b), items=2 * 512**3 / 1e9, unit="GFLOP")
measure("small network, 224 x 224", waited(infer), unit="frames")
measure("training step, 224 x 224", waited(train), unit="steps")
