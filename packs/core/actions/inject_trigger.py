from squall_runtime.rest import RestClient
from st2common.runners.base_action import Action


class InjectTriggerAction(Action):
    def run(self, trigger, payload=None, trace_tag=None):
        self.logger.debug("Injecting trigger %s", trigger)
        headers = {"St2-Trace-Tag": trace_tag} if trace_tag else {}
        body = {"trigger": trigger, "payload": payload or {}}
        return RestClient().call("POST", "/webhooks/st2", body=body, headers=headers)
