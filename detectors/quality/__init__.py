"""Hard checks: what is found at once in one final pane, against what the panes of the reference did.

Axes: R panes of the reference, F features, T kinds of rows, C cases, H phases of a cycle.
"""
