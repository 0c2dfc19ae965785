"""Images: decoding of files, listing of folders, pictures of heat, and evaluation of heat with masks."""
