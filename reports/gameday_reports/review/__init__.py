"""The post-incident review drafted from a run."""
