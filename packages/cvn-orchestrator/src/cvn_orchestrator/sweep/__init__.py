"""From a plan to its cells: their data, how many fits they take, and how long that may be."""
