"""The part of squall that runs inside the interpreters of packs: loads an action, calls it, hands back its result.

Works with the standard library alone, under every Python from 3.8 on. The packages st2common and st2actions beside it
give packs the names that they import from StackStorm; what is behind those names lives here.
"""
