"""Departures: scores and a ledger -> calibrated p-values, the variables and regions that they concern.

The room of the verbs that look for drift.
"""
