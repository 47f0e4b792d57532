"""The names of StackStorm's package st2common that packs import."""

# The version whose behaviour squall follows; packs compare it.
__version__ = "3.10dev"
