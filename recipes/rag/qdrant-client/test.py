"""Stores points in a folder, asks for the nearest under a condition, and reads the folder again."""

import tempfile
from importlib.metadata import version

from qdrant_client import QdrantClient, models

angles = {1: (1.0, 0.0), 2: (0.8, 0.6), 3: (0.0, 1.0), 4: (-1.0, 0.0)}
even = models.Filter(must=[models.FieldCondition(key="even", match=models.MatchValue(value=True))])


def nearest(client, condition=None):
    answer = client.query_points("points", query=[1.0, 0.0], limit=2, query_filter=condition)
    return [(point.id, round(point.score, 4)) for point in answer.points]


with tempfile.TemporaryDirectory() as folder:
    client = QdrantClient(path=folder)
    client.create_collection("points", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE))
    client.upsert(
        "points",
        [models.PointStruct(id=i, vector=list(v), payload={"even": i % 2 == 0}) for i, v in angles.items()],
    )
    assert nearest(client) == [(1, 1.0), (2, 0.8)], nearest(client)
    assert nearest(client, even) == [(2, 0.8), (4, -1.0)], nearest(client, even)
    client.close()

    again = QdrantClient(path=folder)
    assert again.count("points").count == 4
    assert nearest(again) == [(1, 1.0), (2, 0.8)]
    again.close()
print(f"qdrant-client: {version('qdrant-client')}")
