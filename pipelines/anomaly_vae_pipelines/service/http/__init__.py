"""HTTP: middleware, keys, error responses and the protocol of the server."""
