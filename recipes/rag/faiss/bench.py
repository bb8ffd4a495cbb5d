"""Searches 20,000 vectors of 128 numbers, exactly and by a graph; on the GPU too, if there is one."""

from pathlib import Path

import faiss
import numpy as np
from edgebake_bench import measure

random = np.random.RandomState(0)
vectors = random.rand(20000, 128).astype(np.float32)
questions = vectors[:64] + np.float32(0.01)

flat = faiss.IndexFlatL2(128)
flat.add(vectors)
graph = faiss.IndexHNSWFlat(128, 16)
graph.add(vectors[:5000])

measure("exact search, 64 of 20,000", lambda: flat.search(questions, 10), items=64, unit="queries")
measure("graph search, 64 of 5,000", lambda: graph.search(questions, 10), items=64, unit="queries")
if hasattr(faiss, "StandardGpuResources") and Path("/dev/nvidia0").exists():
    on_gpu = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, flat)
    measure("exact search on the GPU, 64 of 20,000", lambda: on_gpu.search(questions, 10), items=64, unit="queries")
