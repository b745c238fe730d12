"""Online models, pure: pipelines, signed artifacts, the registry, training and serving."""
