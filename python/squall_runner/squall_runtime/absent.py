"""Tells what to do when a pack imports a part of StackStorm that is not here."""

import sys

_ADVICE = {
    "st2client": "squall brings st2client.client and st2client.models; for more, add st2client to the requirements.txt of the pack",
    "st2common": "squall offers only the parts of st2common that packs use, and this is not one of them",
    "st2actions": "import Action from st2common.runners.base_action",
    "st2reactor": "squall offers only st2reactor.sensor.base",
    "st2tests": "squall offers only st2tests.base and st2tests.mocks",
}


class _AbsentFinder:
    """Asked last, after everything that really exists."""

    def find_spec(self, name, path=None, target=None):
        advice = _ADVICE.get(name.partition(".")[0])
        if advice is not None:
            raise ModuleNotFoundError("No module named %r: %s" % (name, advice), name=name)
        return None


def install():
    if not any(isinstance(finder, _AbsentFinder) for finder in sys.meta_path):
        sys.meta_path.append(_AbsentFinder())
