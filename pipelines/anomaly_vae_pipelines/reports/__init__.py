"""Reports as HTML pages: plain content in, one self-contained page out."""
