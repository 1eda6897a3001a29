"""The figures of ``SplitMetrics``, scikit-learn's where it has one, and those of shift."""
