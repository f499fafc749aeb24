"""Rollouts: replacement of a batch of instances, and canaries beside a service."""
