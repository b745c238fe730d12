"""Pure statistics: bins, references, tests, effect sizes, performance. Values in, values out; no I/O, no clock."""
