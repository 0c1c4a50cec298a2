"""PostgreSQL: pools, tables, statements, the unit of work with its outbox and audit log, and migrations."""
