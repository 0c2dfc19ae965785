"""Models in memory: the registry, loading, batching and metrics."""
