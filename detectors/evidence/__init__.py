"""Evidence over time: from p-values, error counts and losses to alarms that keep a budget."""
