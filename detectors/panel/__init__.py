"""All features of a monitor at once: what the reference says of them, tests of windows, effects, evidence over time.

Matrices padded to the widest feature take the place of a loop over features. Axes: R panes of the reference,
T windows, F features, W bins, k scores, S scales, H phases of a cycle.
"""
