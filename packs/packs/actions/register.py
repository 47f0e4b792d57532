from squall_runtime.rest import RestClient
from st2common.runners.base_action import Action

# Registered under another name than the one they are counted under.
NAMES = {"policiy_types": "policy_types"}


class St2RegisterAction(Action):
    def run(self, register, packs=None):
        types = [name.strip() for name in register.split(",") if name.strip()]
        body = {"types": [NAMES.get(name, name) for name in types]}
        if packs:
            body["packs"] = packs
        return RestClient().call("POST", "/packs/register", body=body)
