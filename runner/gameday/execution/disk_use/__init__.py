"""Disk space that gameday uses: run folders and the cache, and what of it can be freed."""
