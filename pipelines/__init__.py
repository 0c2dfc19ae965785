"""Applications built on ``anomaly_vae``: files and streams of rows in, scored rows and alerts out.

Follow a row through the house:

    sources      a CSV file or standard input -> TextChunk: cells as they were written, with line numbers
    selection    TextChunk -> TextChunk: the rows with a label's normal value, all columns but some
    cells        TextChunk -> DataFrame: what the text of a cell means
    scoring      TextChunk -> ScoredBatch
    evaluation   scores and a label -> Evaluation
    sinks        TextChunk or ScoredBatch -> a CSV file or standard output, whole or not at all
    recipes      ready-made Pipelines that end in a detector
    budget       alerts a day, and times of rows -> a false-alarm rate
    batch        their compositions: fit_file, score_file, evaluate_file, threshold_file, sample_file
    demo         the same functions on data that scikit-learn ships
    cli          one command a file; each parses, calls one function of batch, and prints

``records`` holds what passes between stages and ``errors`` what stops them.
"""
