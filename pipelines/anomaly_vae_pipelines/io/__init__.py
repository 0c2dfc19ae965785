"""Reading and writing files, URLs and streams; atomic replacement; a parallel map."""
