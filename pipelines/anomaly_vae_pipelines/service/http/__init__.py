"""HTTP: the middleware, API keys, error responses and the protocol of the server."""
