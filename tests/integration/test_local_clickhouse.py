"""The embedded engine is a ClickHouse server to its clients, and lets readers change and reach nothing."""

import json
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from stream.local.clickhouse.local import LocalClickHouse
from stream.local.ports import free_ports

pytestmark = pytest.mark.integration

TABLE = """CREATE TABLE {} (id UInt64, name LowCardinality(String), value Float64, version UInt64)
ENGINE = ReplacingMergeTree(version) ORDER BY id"""


def connect(server, *, reader=False):
    return clickhouse_connect.get_client(
        host="127.0.0.1",
        port=server.port,
        username=server.reader if reader else server.user,
        password=server.reader_password if reader else server.password,
        database=server.database,
    )


@pytest.fixture
def client(clickhouse):
    client = connect(clickhouse)
    yield client
    client.close()


@pytest.fixture
def reader(clickhouse):
    client = connect(clickhouse, reader=True)
    yield client
    client.close()


@pytest.fixture
def table(client, request):
    name = request.node.name.split("[")[0][:40]
    client.command(f"DROP TABLE IF EXISTS {name}")
    client.command(TABLE.format(name))
    client.insert(name, [[1, "one", 1.5, 1], [2, "two", 2.5, 1]], column_names=["id", "name", "value", "version"])
    return name


def curl(server, query, *, data=b"", user="", headers=None, **params):
    """What ``curl`` would send, without the need of curl."""
    params = {"query": query, "user": user or server.user, "password": server.password} | params
    request = urllib.request.Request(
        f"{server.url}/?{urllib.parse.urlencode(params)}", data=data, headers=headers or {}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def test_rows_that_were_inserted_come_back(client, table):
    rows = client.query(f"SELECT id, name, value FROM {table} ORDER BY id").result_rows
    assert rows == [(1, "one", 1.5), (2, "two", 2.5)]


def test_arrow_goes_in_and_out(client, table):
    batch = pa.table({"id": pa.array([7], pa.uint64()), "name": ["seven"], "value": [7.5], "version": [1]})
    assert client.insert_arrow(table, batch).written_rows == 1
    assert client.query_arrow(f"SELECT value FROM {table} WHERE id = 7").to_pydict() == {"value": [7.5]}


def test_parameters_are_bound_by_the_engine(client, table):
    sql = f"SELECT {{word:String}}, name FROM {table} WHERE id = {{id:UInt64}}"
    assert client.query(sql, parameters={"id": 2, "word": "it's"}).result_rows == [("it's", "two")]


def test_the_newest_version_wins_and_views_take_parameters(client, table):
    client.insert(table, [[1, "one", 9.0, 2]], column_names=["id", "name", "value", "version"])
    client.command(f"CREATE OR REPLACE VIEW {table}_v AS SELECT * FROM {table} FINAL WHERE id = {{id:UInt64}}")
    assert client.query(f"SELECT value FROM {table}_v(id = 1)").result_rows == [(9.0,)]


def test_large_results_are_streamed(client):
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(500000)") as blocks:
        assert sum(len(block) for block in blocks) == 500_000


def test_temporary_tables_live_in_their_session_only(clickhouse, client):
    client.command("CREATE TEMPORARY TABLE mine (a Int8)")
    client.command("INSERT INTO mine VALUES (1)")
    assert client.query("SELECT a FROM mine").result_rows == [(1,)]
    other = connect(clickhouse)
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        other.query("SELECT a FROM mine")
    other.close()


def test_plain_http_works_as_with_a_server(clickhouse, table):
    assert curl(clickhouse, f"SELECT count() FROM {table}") == b"2\n"
    curl(
        clickhouse,
        f"INSERT INTO {table} FORMAT JSONEachRow",
        data=b'{"id":3,"name":"three","value":3,"version":1}\n',
    )
    answer = curl(clickhouse, f"SELECT id FROM {table} WHERE id = {{x:UInt8}} FORMAT JSON", param_x=3)
    assert json.loads(answer)["data"] == [{"id": 3}]


def test_inserts_are_synced_to_the_disk_and_memory_is_bounded(client):
    synced = "SELECT value FROM system.merge_tree_settings WHERE name LIKE 'fsync_after_insert'"
    assert client.query(synced).result_rows == [("1",)]
    bound = "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'"
    assert int(client.query(bound).result_rows[0][0]) <= 1_500_000_000


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {} VALUES (9, 'x', 1, 1)",
        "WITH 9 AS x INSERT INTO {} SELECT x, 'x', 1, 1",
        "DROP TABLE {}",
        "ALTER TABLE {} DELETE WHERE 1",
        "TRUNCATE TABLE {}",
        "OPTIMIZE TABLE {} FINAL",
        "CREATE TABLE other (a Int8) ENGINE = Memory",
        "KILL QUERY WHERE 1",
        "SYSTEM STOP MERGES",
        "SET readonly = 0",
        "SELECT 1; DROP TABLE {}",
        "SELECT $$ ' $$; DROP TABLE {} -- '",
    ],
)
def test_a_reader_changes_nothing(clickhouse, table, sql):
    with pytest.raises(urllib.error.HTTPError) as refused:
        curl(clickhouse, "", data=sql.format(table).encode(), user="reader", password="look")
    refused.value.close()
    assert refused.value.code in (400, 403, 500)
    assert curl(clickhouse, f"SELECT count() FROM {table}") == b"2\n"


def test_a_reader_has_limits_that_it_cannot_lift(reader):
    assert reader.query("SELECT getSetting('max_execution_time')").result_rows == [(60,)]
    with pytest.raises(DatabaseError, match="readonly"):
        reader.query("SELECT 1 SETTINGS max_execution_time = 0")
    with pytest.raises(StreamFailureError, match="TOO_MANY_ROWS"):
        reader.query("SELECT number FROM numbers(2000000)").result_rows  # noqa: B018 - rows are read lazily


def test_a_request_cannot_lift_a_readers_limits_either(clickhouse):
    sql = "SELECT getSetting('max_execution_time')"
    asked = {"user": "reader", "password": "look"}
    assert curl(clickhouse, sql, max_execution_time=5, **asked) == b"5\n"
    assert curl(clickhouse, sql, max_execution_time=0, **asked) == b"60\n"
    assert curl(clickhouse, sql, max_execution_time=500, **asked) == b"60\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 INTO OUTFILE '{}'",
        "SELECT $$ ' $$ INTO/**/OUTFILE '{}' -- '",
        "INSERT INTO FUNCTION file('{}', 'CSV') SELECT 1",
        "SELECT * FROM file('{}', 'LineAsString')",
        "SELECT file('{}')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', 'CSV', 'a String')",
        "SELECT * FROM remote('127.0.0.1', 'system.one')",
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "SELECT * FROM Python(os)",
        "CREATE TABLE f (a String) ENGINE = File(CSV)",
        "CREATE TABLE k (a String) ENGINE = Kafka('x', 'y', 'z', 'CSV')",
        "CREATE DICTIONARY d (k Int8) PRIMARY KEY k SOURCE(FILE(PATH '{}' FORMAT 'CSV')) LAYOUT(FLAT())",
        "BACKUP DATABASE streamgauge TO File('{}')",
    ],
)
def test_nobody_reaches_files_or_addresses(clickhouse, tmp_path, sql):
    file = tmp_path / "file"
    with pytest.raises(urllib.error.HTTPError) as refused:
        curl(clickhouse, "", data=sql.format(file).encode())
    refused.value.close()
    assert not file.exists()


def test_a_wrong_password_is_refused(clickhouse):
    with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED"):
        clickhouse_connect.get_client(host="127.0.0.1", port=clickhouse.port, username="default", password="guess")


def test_an_unknown_setting_is_refused(client):
    with pytest.raises(urllib.error.HTTPError, match="HTTP Error") as refused:
        urllib.request.urlopen(f"{client.url}/?user=default&password=secret&query=SELECT+1&nonsense=1", timeout=5)
    assert refused.value.headers["X-ClickHouse-Exception-Code"] == "115"
    refused.value.close()


def test_data_outlive_a_kill(tmp_path, run_server):
    server = LocalClickHouse(tmp_path / "clickhouse", free_ports())
    server.prepare()
    log = tmp_path / "clickhouse.log"
    with run_server(server.command(), server.ready, log) as process:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port)
        client.command(TABLE.format("kept"))
        client.insert("kept", [[1, "one", 1.5, 1]], column_names=["id", "name", "value", "version"])
        client.close()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with run_server(server.command(), server.ready, log) as process:
        client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port)
        assert client.query("SELECT name FROM kept").result_rows == [("one",)]
        client.close()
        process.terminate()
        assert process.wait(20) == 0


def test_a_second_process_on_the_same_folder_says_so(tmp_path, run_server):
    server = LocalClickHouse(tmp_path / "clickhouse", free_ports())
    server.prepare()
    with run_server(server.command(), server.ready, tmp_path / "clickhouse.log"):
        other = LocalClickHouse(server.home, free_ports())
        done = subprocess.run(other.command(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "lock" in done.stderr.lower()
