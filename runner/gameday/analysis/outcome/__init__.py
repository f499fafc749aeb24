"""The outcome file: assembly, schema, verdict and JUnit."""
