"""Where a change is: which segment, producer or partition carries it, and with which row it began."""
