"""The loading path: workers that read, decode and look at blocks, each with buffers of its own; batches for models."""

from __future__ import annotations

from dqwatch.feed.workers import Worker, default_workers, run

__all__ = ["Worker", "default_workers", "run"]
