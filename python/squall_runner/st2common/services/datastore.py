from squall_runtime.service import DatastoreService as ActionDatastoreService

__all__ = ["ActionDatastoreService"]
