"""Searches points on a line, whose neighbours and distances are known, by three kinds of index; on a GPU too."""

from pathlib import Path

import faiss
import numpy as np

count, width = 1000, 8
points = np.repeat(np.arange(count, dtype=np.float32)[:, None], width, axis=1)
questions = points[[10, 500]] + np.float32(0.25)


def check(index, name):
    """Look for the three nearest points: their distances are 8 times the square of 0.25, 0.75 and 1.25."""
    distances, found = index.search(questions, 3)
    assert found.tolist() == [[10, 11, 9], [500, 501, 499]], f"{name}: {found}"
    assert np.allclose(distances, [[0.5, 4.5, 12.5]] * 2, atol=1e-2), f"{name}: {distances}"


flat = faiss.IndexFlatL2(width)
flat.add(points)
check(flat, "flat")

lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, 8)
lists.train(points)
lists.add(points)
lists.nprobe = 8
check(faiss.deserialize_index(faiss.serialize_index(lists)), "lists")

graph = faiss.IndexHNSWFlat(width, 16)
graph.add(points)
check(graph, "graph")

devices = ["cpu"]
if hasattr(faiss, "StandardGpuResources") and Path("/dev/nvidia0").exists():
    assert faiss.get_num_gpus() > 0, "there is a GPU, and faiss does not see it"
    check(faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, flat), "GPU")
    devices.append("gpu")
print(f"faiss: {faiss.__version__} on {', '.join(devices)}")
