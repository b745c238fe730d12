"""The contract of the public topics as documents for machines: AsyncAPI and JSON Schema."""
