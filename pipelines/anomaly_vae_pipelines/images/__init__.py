"""Images: files to pixels, folders to lists of files, heat to pictures, and heat against masks."""
