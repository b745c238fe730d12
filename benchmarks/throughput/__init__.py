"""What the system does in a second, on a real Kafka, beside plain clients and stock Faust."""
