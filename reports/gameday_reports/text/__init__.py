"""Sentences, numbers and Markdown of all reports."""
