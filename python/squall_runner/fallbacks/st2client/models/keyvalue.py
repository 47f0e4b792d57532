from st2client.models import KeyValuePair

__all__ = ["KeyValuePair"]
