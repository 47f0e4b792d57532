class ParseException(ValueError):
    """A text does not fit its format."""
