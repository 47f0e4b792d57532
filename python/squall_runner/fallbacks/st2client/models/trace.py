from st2client.models import Trace

__all__ = ["Trace"]
