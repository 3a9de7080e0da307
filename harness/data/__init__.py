"""The data set that is installed with the harness: a sample of Fashion-MNIST (Zalando SE, MIT licence)."""
