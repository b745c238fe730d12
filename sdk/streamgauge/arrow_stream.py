"""The columns of an Arrow IPC stream that may come from anyone: bounded and verified before a value is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamgauge import mend
from streamgauge.errors import RefusedError
from streamgauge.events import MAX_TEXT, Code, Refusal

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS: Final = 10_000
MAX_CELLS: Final = 2_000_000  # rows × columns of one record: some 100 MB as plain values
_SLACK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that was verified.

    Attributes
    ----------
    metadata
        Of the schema, texts only.
    """

    table: pa.Table
    metadata: Mapping[str, str]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns' names, in order."""
        return tuple(self.table.column_names)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a column, its texts in a row where they were views."""
        return _without_views(self.table.column(name))

    def members(self, name: str) -> dict[str, pa.ChunkedArray]:
        """Return the columns of a struct column, null where the struct is.

        Raises
        ------
        RefusedError
            If it is no struct.
        """
        import pyarrow as pa

        column = self.table.column(name)
        if not pa.types.is_struct(column.type):
            message = f"the column {name} is {str(column.type)[:256]}, not a struct"
            hint = f"send a struct, or columns {name}.<name>"
            raise RefusedError(Refusal(code=Code.WRONG_TYPE, field=f"/{name}", message=message, hint=hint))
        names = [field.name for field in column.type]
        return dict(zip(names, map(_without_views, column.flatten()), strict=True))


def read_stream(value: bytes) -> Stream:
    """Return the stream that a record's value is.

    Raises
    ------
    RefusedError
        If it is none, is not valid, is compressed, or is too large.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise _refuse(Code.UNKNOWN_CONTENT_TYPE, "reading Arrow needs pyarrow", "pip install pyarrow", value) from None
    try:
        _refuse_compressed(value)
        table = pa.Table.from_batches(*_batches(value))
        metadata = {
            name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items() if name in _KEYS
        }
    except (pa.ArrowException, OSError, EOFError, MemoryError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        message = f"not a valid Arrow IPC stream: {str(error)[:500] or type(error).__name__}"
        hint = "write it with pyarrow.ipc.new_stream, not new_file" if value[:6] == b"ARROW1" else ""
        raise _refuse(Code.NOT_ARROW, message, hint, value) from None
    return Stream(_bounded(table, value), metadata)


_KEYS: Final = frozenset({b"model", b"version", b"source"})


def _refuse(code: Code, message: str, hint: str, value: bytes) -> RefusedError:
    return RefusedError(mend.refused(code, message, hint, value))


def _batches(value: bytes) -> tuple[list[pa.RecordBatch], pa.Schema]:
    """Return the batches, each with all offsets, lengths and texts verified, and their schema."""
    import pyarrow as pa

    batches, rows = [], 0
    with pa.ipc.open_stream(value) as reader:
        names = reader.schema.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise _refuse(Code.UNKNOWN_FIELD, f"the column {twice[:MAX_TEXT]} is there twice", "name each once", value)
        for batch in reader:
            rows += batch.num_rows
            if rows > MAX_ROWS:
                raise _refuse(Code.TOO_MANY_LINES, f"more than {MAX_ROWS} rows in one record", "send several", value)
            batch.validate(full=True)
            batches.append(batch)
        if not rows:
            raise _refuse(Code.NOT_ARROW, "the stream has no rows", "", value)
        return batches, reader.schema


def _bounded(table: pa.Table, value: bytes) -> pa.Table:
    """Return a table after counting what its columns would take as plain values.

    Columns may share bytes of the record, so that few bytes could become very many.
    """
    leaves = [leaf for column in table.columns for leaf in _leaves(column)]
    if table.num_rows * len(leaves) > MAX_CELLS:
        message = f"{table.num_rows} rows of {len(leaves)} columns: more than {MAX_CELLS} values in one record"
        raise _refuse(Code.TOO_LARGE, message, "send fewer rows", value)
    if sum(map(_size, leaves)) > 2 * len(value) + _SLACK:
        raise _refuse(Code.NOT_ARROW, "columns that share their bytes", "write each column once", value)
    return table


def _without_views(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def _leaves(column: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    import pyarrow as pa

    if not pa.types.is_struct(column.type):
        yield column
        return
    for member in column.flatten():
        yield from _leaves(member)


def _size(column: pa.ChunkedArray) -> int:
    """Return the bytes of a column's values; those of a dictionary are shared, and not counted."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return 0
    if pa.types.is_string_view(column.type):
        return sum(sum(_view_sizes(chunk)) for chunk in column.chunks)
    return int(column.nbytes)


def _view_sizes(chunk: pa.Array) -> list[int]:
    """Return the sizes of a view array's texts: the first four of each view's sixteen bytes."""
    views = memoryview(chunk.buffers()[1] or b"")[16 * chunk.offset : 16 * (chunk.offset + len(chunk))]
    return views.cast("i").tolist()[::4]


# A compressed body could be of any size once read: what Kafka carries, Kafka compresses. pyarrow does not say
# whether a body is, so the message's table is read here (https://arrow.apache.org/docs/format/Columnar.html).

_HEADER: Final = 2  # of a Message; _DATA of a DictionaryBatch; _COMPRESSION of a RecordBatch
_DATA: Final = 1
_COMPRESSION: Final = 3


def _refuse_compressed(value: bytes) -> None:
    import pyarrow as pa

    for message in _messages(pa.ipc.MessageReader.open_stream(value)):
        if message.type not in {"record batch", "dictionary"}:
            continue
        data = bytes(message.metadata)
        batch = _table_at(data, _table_at(data, 0, None), _HEADER)
        if batch and message.type == "dictionary":
            batch = _table_at(data, batch, _DATA)
        if batch and _field(data, batch, _COMPRESSION):
            hint = "write it with compression=None: Kafka compresses"
            raise _refuse(Code.NOT_ARROW, "the stream's buffers are compressed", hint, value)


def _messages(reader: pa.MessageReader) -> Iterator[pa.Message]:
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _number(data: bytes, at: int, size: int) -> int:
    if not 0 <= at <= len(data) - size:
        raise ValueError(f"a message refers to byte {at} of its {len(data)}")
    return int.from_bytes(data[at : at + size], "little")


def _field(data: bytes, table: int, number: int) -> int:
    """Return where a table has a field, 0 if it does not."""
    entries = table - int.from_bytes(data[table : table + 4], "little", signed=True)
    slot = 4 + 2 * number
    offset = _number(data, entries + slot, 2) if slot < _number(data, entries, 2) else 0
    return table + offset if offset else 0


def _table_at(data: bytes, table: int, number: int | None) -> int:
    """Return where the table is that a field refers to (the root, without a field), 0 if there is none."""
    at = 0 if number is None else _field(data, table, number)
    return at + _number(data, at, 4) if at or number is None else 0
