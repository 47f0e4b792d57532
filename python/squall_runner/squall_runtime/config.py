"""The config of a pack."""


class PackConfig(dict):
    """A dict that tells what to do when a key is missing. ValueError instead of KeyError, as in StackStorm."""

    def __init__(self, pack, values):
        super().__init__(values)
        self._pack = pack

    def belongs_to(self, pack):
        self._pack = pack

    def __missing__(self, key):
        raise ValueError(
            'Config for pack "%s" is missing key "%s".\nAdd it to the file configs/%s.yaml and register the configs of '
            "the pack again." % (self._pack, key, self._pack)
        )
