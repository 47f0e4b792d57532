from st2client.models import ActionAlias, ActionAliasMatch

__all__ = ["ActionAlias", "ActionAliasMatch"]
