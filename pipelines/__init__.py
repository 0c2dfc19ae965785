"""Applications built on ``anomaly_vae``: files in, scored rows and findings out.

The way of the data, one module a step:

    files             paths, patterns, URLs and streams -> bytes, plain or compressed; whole files back
    system            the system calls that change files, so that tests can fail each one
    images            image files -> pixels; folders and how they are laid out; heat -> pictures and measures
    sources           bytes -> blocks of rows (CSV, JSON Lines, Parquet, images), and what is no row
    selection         the rows with a label's normal value, all columns but some
    cells             what a cell means: missing, a number, a truth value, text
    scoring           rows -> scored rows with reasons
    image_scoring     images -> scored rows with reasons, and pictures of heat
    reading           what a model reads and who scores it, told by its kind
    evaluation        scored rows and a label -> how well anomalies were found
    sinks             scored rows -> bytes or tables -> a file that is whole or not there
    alerting          scored rows and rules -> alerts, brought to their receivers at least once
    recipes           ready-made Pipelines that end in a detector
    budget            alerts a day, and times of rows -> a false-alarm rate
    tally             what a run has counted
    score_terms       what a run is told, and what it tells while it goes
    score_run         their composition for any number of rows: ScoreRun
    survey            a first pass over the same files, for thresholds that depend on all rows
    streaming         files that grow, row by row
    batch             fit_file, evaluate_file, threshold_file, sample_file
    image_batch       fit_images, sample_images
    image_evaluation  evaluate_images
    cli               one command a file

What passes between them is in ``records``, frozen.
"""
