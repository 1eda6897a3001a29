"""The shared Hamilton nodes of the training path, one module each.

A function here is a node; its parameters are the nodes and inputs it needs. Inputs of one run:
``datasets``, ``spec``, ``adapter``, ``policy``, ``parameters``, ``seed``, ``n_threads``,
``run_log``, ``keep_fold``, ``prepare`` and ``watch``; of an ensemble also ``ensemble``,
``combiner`` and ``train_base``; of a trial ``objective``.
A model's own DAG module adds nodes, or replaces one of these by giving it the same name.
"""
