"""The pure core of the stream: what records mean, and nothing else."""
