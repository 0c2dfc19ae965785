"""Routes: one module for each group of paths, and the OpenAPI description."""
