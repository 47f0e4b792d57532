from st2client.models import Role, UserRoleAssignment

__all__ = ["Role", "UserRoleAssignment"]
