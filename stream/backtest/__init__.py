"""What a monitor would have said about rows in a file: the folds that run live, without Kafka or ClickHouse.

Rows become ledger blocks in columns (`reader`, `ledger`), `Measure` and `Decide` fold them (`course`), and what they
write becomes alerts with row numbers (`findings`). `run` puts it together.
"""
