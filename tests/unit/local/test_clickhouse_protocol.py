"""How statements, compression and users of the ClickHouse server are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.local.clickhouse import access, answers, codecs, sql
from stream.local.clickhouse.errors import QueryError


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("", b"INSERT INTO t FORMAT Native\n\x01\x02", sql.Insert("INSERT INTO t ", "Native", b"\x01\x02")),
        ("", b"INSERT INTO t (format) FORMAT CSV\n1\n", sql.Insert("INSERT INTO t (format) ", "CSV", b"1\n")),
        ("INSERT INTO t FORMAT CSV", b"1\n", sql.Insert("INSERT INTO t ", "CSV", b"1\n")),
        ("INSERT INTO t VALUES", b"(1)", sql.Insert("INSERT INTO t ", "Values", b"(1)")),
        ("INSERT INTO t", b"(1)", sql.Insert("INSERT INTO t", "Values", b"(1)")),
        ("", b"INSERT INTO t VALUES (1, 'x FORMAT CSV y')", None),
        ("", b"INSERT INTO t SELECT 1 FORMAT CSV", None),
        ("", b"SELECT 1 FORMAT CSV", None),
    ],
)  # fmt: skip
def test_an_insert_is_taken_apart_where_its_data_begin(query, body, expected):
    assert sql.split_insert(query, body) == expected


def test_bytes_that_are_no_text_stay_as_they_are():
    data = bytes(range(256)) * 300
    assert sql.split_insert("", b"INSERT INTO t FORMAT Native\n" + data).data == data


@pytest.mark.parametrize("statement", ["SELECT 1;", "SELECT ';' ; ", "SELECT 1 -- ; SELECT 2", "SELECT $$;SELECT 2$$"])
def test_one_statement_is_allowed(statement):
    sql.check(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1; SELECT 2",
        "SELECT $$ ' $$; DROP TABLE t -- '",
        "SELECT $a$ ' $a$; DROP TABLE t -- '",
        "SELECT 1 # '\n; DROP TABLE t -- '",
        "SELECT \u2018'\u2019; DROP TABLE t -- '",
        "SELECT 1 INTO/**/OUTFILE 'x'",
        "SELECT 'outfile'",
        "INSERT INTO t FROM INFILE 'x'",
        "SELECT * FROM python (x)",
    ],
)
def test_several_statements_and_words_that_reach_files_are_refused(statement):
    with pytest.raises(QueryError):
        sql.check(statement)


@given(st.text(st.sampled_from("'\"`$a#-/*\\;\n \u2018\u2019"), max_size=40))
def test_hiding_keeps_the_length(text):
    assert len(sql.blank(text)) == len(text)


@given(st.binary(max_size=5000))
def test_clickhouse_blocks_are_undone(data):
    assert codecs.unpack_blocks(codecs.pack_blocks(data)) == data


def test_a_damaged_block_is_refused():
    packed = bytearray(codecs.pack_blocks(b"some data"))
    packed[-1] ^= 1
    with pytest.raises(QueryError, match="CHECKSUM"):
        codecs.unpack_blocks(bytes(packed))
    with pytest.raises(QueryError, match="cut"):
        codecs.unpack_blocks(bytes(packed[:20]))


@pytest.mark.parametrize("name", ["gzip", "deflate", "lz4", "zstd"])
def test_what_an_encoder_packs_the_decoder_undoes(name):
    encoder = codecs.encoder(f"{name}, nothing")
    packed = encoder.update(b"one" * 1000) + encoder.update(b"two") + encoder.finish()
    assert encoder.name == name
    assert codecs.decode(packed, name) == b"one" * 1000 + b"two"


def test_an_unknown_encoding_is_refused():
    assert codecs.encoder("snappy") is None
    with pytest.raises(QueryError, match="snappy"):
        codecs.decode(b"x", "snappy")


def test_users_come_back_from_their_file_without_their_passwords(tmp_path):
    path = tmp_path / "users.json"
    saved = [access.writer("w", "secret"), access.reader("r", "look", {"max_threads": 1})]
    access.save(saved, path)
    assert list(access.load(path).values()) == saved
    assert "secret" not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": "Basic dzpzZWNyZXQ="}, {}),
        ({"X-ClickHouse-User": "w", "X-ClickHouse-Key": "secret"}, {}),
        ({}, {"user": "w", "password": "secret"}),
    ],
)
def test_a_user_logs_in_by_each_way_that_clients_use(headers, query):
    users = {"w": access.writer("w", "secret")}
    assert access.log_in(users, headers, query).name == "w"


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, {}), ({"Authorization": "Basic ???"}, {}), ({}, {"user": "w"}), ({}, {"user": "x", "password": "secret"})],
)
def test_nobody_else_does(headers, query):
    with pytest.raises(QueryError, match="516"):
        access.log_in({"w": access.writer("w", "secret")}, headers, query)


def test_the_greeting_holds_the_names_that_the_client_reads():
    greeting = answers.hello("26.9.2.1", "UTC")
    assert b"26.9.2.1" in greeting
    assert greeting.endswith(b"\x03UTC")
