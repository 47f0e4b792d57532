from st2client.models import ActionAliasExecution

__all__ = ["ActionAliasExecution"]
