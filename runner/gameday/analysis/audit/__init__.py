"""Audit of orders: clients' answers, Postgres and the ledger compared."""
