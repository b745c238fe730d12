"""The shell around the folds: ports, hosts, checkpoints, and the order of durability."""
