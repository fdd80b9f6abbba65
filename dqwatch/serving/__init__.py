"""A history as pages of a small web server that only reads: runs, cycles, variables, maps, the report of a period."""
