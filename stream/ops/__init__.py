"""What ops do: put specs in force, build references, audit."""
