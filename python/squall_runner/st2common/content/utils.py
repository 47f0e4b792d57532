"""Where packs are. Outside of squall (in tests) StackStorm's places are named."""

import os

from squall_runtime.rest import ApiError, RestClient

__all__ = ["get_pack_base_path", "get_packs_base_paths", "get_system_packs_base_path"]

DEFAULT_BASE_PATH = "/opt/stackstorm/packs"


def _where():
    try:
        return RestClient().call("GET", "/squall/pack_directories")
    except ApiError:
        return {"install": DEFAULT_BASE_PATH, "directories": [DEFAULT_BASE_PATH], "shipped": ""}


def get_system_packs_base_path():
    return _where()["install"]


def get_packs_base_paths():
    where = _where()
    return [path for path in where["directories"] + [where["shipped"]] if path]


def get_pack_base_path(pack_name, include_trailing_slash=False, use_pack_cache=False):
    """The directory of a pack; where it would be installed when it is nowhere."""
    if not pack_name:
        return None
    where = _where()
    paths = [os.path.join(base, pack_name) for base in where["directories"] + [where["shipped"]] if base]
    path = next((path for path in paths if os.path.isdir(path)), os.path.join(where["install"], pack_name))
    return path + "/" if include_trailing_slash and not path.endswith("/") else path
