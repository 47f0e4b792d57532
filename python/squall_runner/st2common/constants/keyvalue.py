from squall_runtime.service import KEY_SEPARATOR as DATASTORE_KEY_SEPARATOR
from squall_runtime.service import SYSTEM_SCOPE

__all__ = ["DATASTORE_KEY_SEPARATOR", "SYSTEM_SCOPE"]
