from st2client.models import ApiKey, Token

__all__ = ["ApiKey", "Token"]
