"""Commands around changes: policies, gates of a repository, approvals, and the trace of a change."""
