"""Performance before labels: estimates with honest intervals, and the record of how they did."""
