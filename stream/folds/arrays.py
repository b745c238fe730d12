"""Fold states as bytes: msgpack of typed structs, numpy arrays inside, the version of the schema in front."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from detectors.packing import pack, unpack

State = TypeVar("State")


def encode_state(schema: int, state: object) -> bytes:
    """Return `state` (a msgspec Struct) as bytes; arrays keep type, shape and content.

    >>> import numpy
    >>> S = msgspec.defstruct("S", [("a", numpy.ndarray)])
    >>> decode_state(1, encode_state(1, S(numpy.arange(3))), S).a
    array([0, 1, 2])
    """
    return schema.to_bytes(2, "big") + msgspec.msgpack.encode(state, enc_hook=pack)


def decode_state(schema: int, data: bytes, kind: type[State]) -> State:
    """Return the state that `encode_state` was given; ValueError if `data` is of another schema."""
    found = int.from_bytes(data[:2], "big")
    if found != schema:
        msg = f"checkpoint has schema {found}, this code reads {schema}: start it with the code that wrote it"
        raise ValueError(msg)
    return msgspec.msgpack.decode(data[2:], type=kind, dec_hook=unpack)
