"""Raw columns to one float matrix and back, with a schema that remembers where each cell came from."""
