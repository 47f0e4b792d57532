"""StackStorm's settings, as far as packs read them. The real package takes the place of this one where it is installed."""
