"""Limits on processor time, memory and files of plain processes, for want of cgroups."""
