"""`edgebake lock`: the only step that resolves over the network."""
