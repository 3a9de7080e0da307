"""The asv suite, and the experiments whose figures the documents quote."""
