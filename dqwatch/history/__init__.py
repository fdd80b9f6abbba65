"""Verdicts and drift series kept in SQLite or PostgreSQL: appended by each run, read by reports (the only room that
imports sqlalchemy).
"""
