from st2client.models import Policy, PolicyType

__all__ = ["Policy", "PolicyType"]
