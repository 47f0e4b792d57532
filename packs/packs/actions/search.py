from squall_runtime.rest import RestClient
from st2common.runners.base_action import Action


class PackSearch(Action):
    def run(self, query):
        return RestClient().call("POST", "/packs/index/search", body={"query": query})
