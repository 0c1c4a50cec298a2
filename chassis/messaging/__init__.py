"""The event side of a service: relay, consumer, dispatcher, periodic tasks, status, and the worker that runs them."""
