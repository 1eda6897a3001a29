"""The figures of ``SplitMetrics``: scikit-learn's where it has one, the trading ones here."""
