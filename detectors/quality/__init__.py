"""Hard checks: what is found at once in one final pane, against what the panes of the reference did.

Each finding has two keys: a p-value by the reference's own panes (their number, how they differ, how neighbours are
alike), and an effect above a floor. What no pane of the reference showed is judged by its rows as if they came
independently: a kind of fault that the reference was spared is found when it first comes, chance or not.

Axes: R panes of the reference, F features, T kinds of rows, C cases, H phases of a cycle.
"""
