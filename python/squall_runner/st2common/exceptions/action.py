__all__ = ["InvalidActionParameterException"]


class InvalidActionParameterException(ValueError):
    pass
