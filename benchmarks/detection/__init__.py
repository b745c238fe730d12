"""Acceptance experiments of detection: simulated streams through the panel and the gauge, a pass mark for each."""
