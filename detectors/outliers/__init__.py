"""Rows that are unlike all of the reference's, over all inputs at once: which they are, and whether there are more.

A row alone says little, and no single feature may show it: each of its values is usual, all of them together are not.

Axes: n rows, d features, R panes of the reference.
"""
