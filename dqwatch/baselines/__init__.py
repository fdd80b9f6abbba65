"""Baselines: what training data were like, in sums that add up, and a ledger of how its own cycles scored.

The room of the verb `dqwatch.baseline`.
"""
