from pack_store import PackStore
from st2common.runners.base_action import Action


class GetConfigAction(Action):
    def run(self):
        return {"pack_group": "st2packs", "pack_path": PackStore().install_directory}
