"""Reports as HTML pages and model cards: plain content in, one self-contained text out."""
