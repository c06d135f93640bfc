"""The sources of the engine."""

ENGINE_SOURCES = [
    "engine.cc",
    "engine_explain.cc",
    "engine_groups.cc",
    "engine_judge.cc",
    "engine_moves.cc",
    "engine_pressure.cc",
    "engine_start.cc",
    "engine_stop.cc",
]

def engine_part(source):
    """The library of one of them: linked with the others, it is the engine."""
    return source.replace(".cc", "_part")
