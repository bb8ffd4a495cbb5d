"""How a container gets the GPU: the one rule."""

from __future__ import annotations

from edgebake.model.gpu import GpuAccess, gpu_access


def test_the_runtime_gives_gpus_by_variables() -> None:
    jetson = gpu_access("runtime", is_jetson=True)
    assert (jetson.runtime, jetson.reserved, jetson.cdi) == ("nvidia", (), ())
    assert jetson.environment == {
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,graphics,video",
    }
    server = gpu_access("runtime", ["0", "2"], is_jetson=False).environment
    assert server == {"NVIDIA_VISIBLE_DEVICES": "0,2", "NVIDIA_DRIVER_CAPABILITIES": "all"}


def test_a_reservation_and_cdi_need_no_variables() -> None:
    assert gpu_access("reservation", ["1"], is_jetson=False) == GpuAccess(reserved=("1",))
    assert gpu_access("reservation", is_jetson=True) == GpuAccess(reserved=("all",))
    assert gpu_access("cdi", ["0", "all"], is_jetson=False) == GpuAccess(
        cdi=("nvidia.com/gpu=0", "nvidia.com/gpu=all")
    )
    assert gpu_access("cdi", ["example.com/gpu=x"], is_jetson=True) == GpuAccess(cdi=("example.com/gpu=x",))
