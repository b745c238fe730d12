"""References of monitors, from rows to what people read of them.

`rows` makes one of rows, wherever these come from; `advice`, `portrait` and `histogram` say what it is. Nothing here
reads or writes: where rows come from is the business of `stream.ops` and `stream.backtest`.
"""
