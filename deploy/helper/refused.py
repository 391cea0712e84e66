class Refused(Exception):
    """Not done. The first argument says why; a second one is for the log alone."""
