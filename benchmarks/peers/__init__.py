"""Other libraries beside ours on identical rows: speed, false alarms, delays and misses."""
