from st2common.runners.base_action import Action


class PacksTransformationAction(Action):
    def run(self, packs_status, packs_list=None):
        packs = list(packs_list or [])
        packs += [pack for pack, status in (packs_status or {}).items() if "success" in status.lower() and pack not in packs]
        return packs
