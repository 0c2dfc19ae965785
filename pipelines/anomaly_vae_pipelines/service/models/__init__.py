"""Models in memory: the registry, reloading, batching and metrics."""
