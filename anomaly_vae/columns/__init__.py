"""Raw columns to one float matrix and back, with a schema that maps each cell to its column."""
