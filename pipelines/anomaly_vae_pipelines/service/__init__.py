"""The service: fitted models behind HTTP.

A request passes the middleware (``http/middleware``) and reaches a route. The route turns its body into rows
(``codecs``) and has a model of the registry score them together with those of other requests (``models``).
``codecs`` then encodes the scores.
"""
