from st2client.models import Timer

__all__ = ["Timer"]
