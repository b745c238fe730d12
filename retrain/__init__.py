"""The retraining consumer: from a retrain event to a signed, validated, registered version."""
