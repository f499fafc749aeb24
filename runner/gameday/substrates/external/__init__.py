"""Systems of one's own that gameday neither brings up nor takes down: reached at a URL, acted on by commands."""
