"""Fits a line by gradient descent, and checks a gradient against its formula; on a GPU too, if there is one."""

import sys
from pathlib import Path

GPU = any(Path("/dev", device).exists() for device in ("nvidia0", "nvhost-gpu", "nvgpu"))

try:
    import torch
except ImportError as error:
    # Jetson's builds load the board's driver, which no build has; there the test runs in the image.
    if GPU or "libcuda.so" not in str(error):
        raise
    print(f"pytorch: not run, because the driver is only on the board ({error})")
    sys.exit(0)


def check(device):
    """Run all checks on a device."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    w = torch.tensor([[0.5], [-1.0]], device=device, requires_grad=True)
    loss = (x @ w).pow(2).sum()
    loss.backward()
    assert abs(loss.item() - 8.5) < 1e-4, loss  # (-1.5)² + (-2.5)²
    expected = torch.tensor([[-18.0], [-26.0]], device=device)  # 2 xᵀ (x w)
    assert torch.allclose(w.grad, expected, atol=1e-3), w.grad

    torch.manual_seed(0)
    inputs = torch.linspace(-1, 1, 64, device=device).unsqueeze(1)
    line = torch.nn.Linear(1, 1).to(device)
    optimizer = torch.optim.SGD(line.parameters(), lr=0.2)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(line(inputs), 3 * inputs - 2).backward()
        optimizer.step()
    assert abs(line.weight.item() - 3) < 1e-2, line.weight
    assert abs(line.bias.item() + 2) < 1e-2, line.bias


check("cpu")
assert torch.from_numpy(torch.arange(4).numpy()).sum().item() == 6  # numpy of the right generation
devices = ["cpu"]
if GPU and torch.version.cuda:
    assert torch.cuda.is_available(), "there is a GPU, and PyTorch does not see it"
    check("cuda")
    assert torch.backends.cudnn.is_available()
    devices.append(torch.cuda.get_device_name(0))
print(f"pytorch: {torch.__version__} on {', '.join(devices)}")
