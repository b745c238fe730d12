"""Experiments that show whether alarms can be believed: simulated and on stored data, seeded, with pass marks."""
