"""The scikit-learn face: estimators that fit, score, decide and explain."""
