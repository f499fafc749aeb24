"""One run: a pure engine, the interpreter that carries out its actions, and the timeline."""
