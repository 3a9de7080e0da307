"""The asv suites, each in a folder of its own, and the experiments whose figures the documents quote."""
