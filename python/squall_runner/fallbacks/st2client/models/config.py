from st2client.models import Config, ConfigSchema

__all__ = ["Config", "ConfigSchema"]
