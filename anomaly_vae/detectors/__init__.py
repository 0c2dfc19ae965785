"""The scikit-learn interface: estimators that fit, score, decide and explain."""
