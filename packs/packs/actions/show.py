from squall_runtime.rest import RestClient
from st2common.runners.base_action import Action


class ShowRemote(Action):
    def run(self, pack):
        return {"pack": RestClient().call("POST", "/packs/index/search", body={"pack": pack}) or None}
