"""The request side of a service: routes, arguments, responses, errors, pagination, batches, OpenAPI."""
