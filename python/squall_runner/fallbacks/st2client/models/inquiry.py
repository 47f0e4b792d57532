from st2client.models import Inquiry

__all__ = ["Inquiry"]
