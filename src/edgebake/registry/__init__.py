"""A client for OCI registries: references, credentials, manifests, tags. Knows no plan."""
