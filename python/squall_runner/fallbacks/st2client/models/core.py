"""Documents of the API as objects, and what can be asked of each kind of them."""

import json
import urllib.parse

from st2client.models.transport import Transport

__all__ = ["Resource", "ResourceManager"]


class Resource:
    """The fields of a document are its attributes."""

    _alias = None
    _plural = None
    _url_path = None
    _repr_attributes = ()

    def __init__(self, *args, **fields):
        for name, value in fields.items():
            setattr(self, name, value)

    def to_dict(self, exclude_attributes=None):
        excluded = exclude_attributes or []
        return {name: value for name, value in self.__dict__.items() if not name.startswith("__") and name not in excluded}

    def serialize(self):
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    @classmethod
    def deserialize(cls, document):
        return cls(**(document if isinstance(document, dict) else json.loads(document)))

    @classmethod
    def get_alias(cls):
        return cls._alias or cls.__name__

    @classmethod
    def get_plural_name(cls):
        return cls._plural

    @classmethod
    def get_url_path_name(cls):
        return cls._url_path or cls._plural.lower()

    def __repr__(self):
        shown = ",".join("%s=%s" % (name, getattr(self, name, None)) for name in self._repr_attributes)
        return "<%s %s>" % (type(self).__name__, shown) if shown else super().__repr__()

    __str__ = __repr__


def _segment(text):
    return urllib.parse.quote(str(text), safe=":")


def query_of(arguments):
    """What of the arguments of a call is a query; the rest says who asks."""
    query = dict(arguments.pop("params", None) or {})
    query.update({name: value for name, value in arguments.items() if name not in ("token", "api_key", "headers")})
    return query


class ResourceManager:
    def __init__(self, resource, endpoint, cacert=None, debug=False, basic_auth=None):
        self.resource = resource
        self.endpoint = endpoint
        self.debug = debug
        self.client = Transport(endpoint, cacert=cacert, basic_auth=basic_auth)

    def _path(self, *parts):
        return "/".join(["", self.resource.get_url_path_name(), *[_segment(part) for part in parts]])

    def _made(self, document):
        return self.resource.deserialize(document)

    def get_all(self, **arguments):
        query = dict(arguments.get("params") or {})
        query.update({name: arguments[name] for name in ("limit", "pack", "prefix", "user", "offset") if arguments.get(name)})
        return [self._made(item) for item in self.client.call("GET", self._path(), query, **who(arguments))]

    def get_by_id(self, id, **arguments):
        document = self.client.call("GET", self._path(id), query_of(dict(arguments)), missing=None, **who(arguments))
        return None if document is None else self._made(document)

    def get_by_ref_or_id(self, ref_or_id, **arguments):
        return self.get_by_id(ref_or_id, **arguments)

    def get_property(self, id_, property_name, self_deserialize=True, **arguments):
        found = self.client.call("GET", self._path(id_, property_name), query_of(dict(arguments)), missing=None, **who(arguments))
        return [self._made(item) for item in found] if self_deserialize and found is not None else found

    def query(self, **arguments):
        return self.query_with_count(**arguments)[0]

    def query_with_count(self, **arguments):
        if not query_of(dict(arguments)):
            raise Exception("Query parameter is not provided.")
        items, headers = self.client.call_with_headers("GET", self._path(), query_of(dict(arguments)), missing=[], **who(arguments))
        total = headers.get("X-Total-Count")
        return [self._made(item) for item in items], int(total) if total else None

    def get_by_name(self, name, **arguments):
        found = self.query(name=name, **arguments)
        if len(found) > 1:
            raise Exception('More than one %s named "%s" are found.' % (self.resource.__name__.lower(), name))
        return found[0] if found else None

    def create(self, instance, **arguments):
        return self._made(self.client.call("POST", self._path(), body=instance.serialize(), **who(arguments)))

    def update(self, instance, **arguments):
        return self._made(self.client.call("PUT", self._path(instance.id), body=instance.serialize(), **who(arguments)))

    def delete(self, instance, **arguments):
        self.client.call("DELETE", self._path(instance.id), query_of(dict(arguments)), missing=None, **who(arguments))
        return True

    def delete_by_id(self, instance_id, **arguments):
        return self.client.call("DELETE", self._path(instance_id), query_of(dict(arguments)), missing=None, **who(arguments)) or True


def who(arguments):
    return {name: arguments[name] for name in ("token", "api_key") if arguments.get(name)}


class ActionManager(ResourceManager):
    def get_entrypoint(self, ref_or_id, **arguments):
        return self.client.call("GET", self._path("views", "entry_point", ref_or_id), text=True, **who(arguments))

    def delete_action(self, instance, remove_files, **arguments):
        self.client.call("DELETE", self._path(instance.id), body={"remove_files": remove_files}, missing=None, **who(arguments))
        return True

    def clone(self, source_ref, dest_pack, dest_action, overwrite, **arguments):
        body = {"dest_pack": dest_pack, "dest_action": dest_action, "overwrite": overwrite}
        return self._made(self.client.call("POST", self._path(source_ref, "clone"), body=body, **who(arguments)))


class ActionAliasManager(ResourceManager):
    def match(self, instance, **arguments):
        found = self.client.call("POST", self._path("match"), body=instance.serialize(), **who(arguments))
        return self._made(found["actionalias"]), found["representation"]


class ActionAliasExecutionManager(ResourceManager):
    def match_and_execute(self, instance, **arguments):
        found = self.client.call("POST", self._path("match_and_execute"), body=instance.serialize(), **who(arguments))
        return self._made(found["results"][0])


class ExecutionManager(ResourceManager):
    def re_run(self, execution_id, parameters=None, tasks=None, no_reset=None, delay=0, **arguments):
        tasks, no_reset = tasks or [], no_reset or []
        if set(no_reset) - set(tasks):
            raise ValueError("List of tasks to reset does not match the tasks to rerun.")
        body = {"parameters": parameters or {}, "tasks": tasks, "reset": [t for t in tasks if t not in no_reset], "delay": delay}
        return self._made(self.client.call("POST", self._path(execution_id, "re_run"), body=body, **who(arguments)))

    def get_output(self, execution_id, output_type=None, **arguments):
        query = {"output_type": output_type} if output_type else {}
        return self.client.call("GET", self._path(execution_id, "output"), query, text=True, **who(arguments))

    def get_result(self, execution_id, **arguments):
        return self.client.call("GET", self._path(execution_id, "result"), text=True, **who(arguments))

    def pause(self, execution_id, **arguments):
        return self._made(self.client.call("PUT", self._path(execution_id), body={"status": "pausing"}, **who(arguments)))

    def resume(self, execution_id, **arguments):
        return self._made(self.client.call("PUT", self._path(execution_id), body={"status": "resuming"}, **who(arguments)))

    def get_children(self, execution_id, **arguments):
        query = {"depth": arguments.get("depth", -1)}
        return [self._made(i) for i in self.client.call("GET", self._path(execution_id, "children"), query, **who(arguments))]


class InquiryManager(ResourceManager):
    def respond(self, inquiry_id, inquiry_response, **arguments):
        body = {"id": inquiry_id, "response": inquiry_response}
        return self._made(self.client.call("PUT", self._path(inquiry_id), body=body, **who(arguments)))


class TriggerInstanceManager(ResourceManager):
    def re_emit(self, trigger_instance_id, **arguments):
        return self.client.call("POST", self._path(trigger_instance_id, "re_emit"), **who(arguments))


class PackManager(ResourceManager):
    def install(self, packs, force=False, skip_dependencies=False, **arguments):
        body = {"packs": packs, "force": force, "skip_dependencies": skip_dependencies}
        return Resource(**self.client.call("POST", self._path("install"), body=body, **who(arguments)))

    def remove(self, packs, **arguments):
        return Resource(**self.client.call("POST", self._path("uninstall"), body={"packs": packs}, **who(arguments)))

    def search(self, args, ignore_errors=False, **arguments):
        body = {"query": args.query} if "query" in vars(args) else {"pack": args.pack}
        found = self.client.call("POST", self._path("index", "search"), body=body, **who(arguments))
        return [self._made(item) for item in found] if isinstance(found, list) else self._made(found)

    def register(self, packs=None, types=None, **arguments):
        body = {name: value for name, value in (("types", types), ("packs", packs)) if value}
        return self._made(self.client.call("POST", self._path("register"), body=body, **who(arguments)))


class ConfigManager(ResourceManager):
    def update(self, instance, **arguments):
        return self._made(self.client.call("PUT", self._path(instance.pack), body=instance.values, **who(arguments)))


class WebhookManager(ResourceManager):
    def post_generic_webhook(self, trigger, payload=None, trace_tag=None, **arguments):
        headers = {"St2-Trace-Tag": trace_tag} if trace_tag else {}
        body = {"trigger": trigger, "payload": payload or {}}
        return self.client.call("POST", self._path("st2"), body=body, headers=headers, **who(arguments))


class KeyValuePairManager(ResourceManager):
    def get_by_name(self, name, **arguments):
        document = self.client.call("GET", self._path(name), query_of(dict(arguments)), missing=None, **who(arguments))
        return [] if document is None else self._made(document)

    def get_by_id(self, id, **arguments):
        return self.get_by_name(id, **arguments) or None

    def update(self, instance, **arguments):
        body = dict(instance.serialize(), id=instance.name)
        return self._made(self.client.call("PUT", self._path(instance.name), body=body, **who(arguments)))

    def delete(self, instance, **arguments):
        query = query_of(dict(arguments))
        for name in ("scope", "user"):
            value = query.get(name) or getattr(instance, name, None)
            if value:
                query[name] = value
        self.client.call("DELETE", self._path(instance.name), query, missing=None, **who(arguments))
        return True


class WorkflowManager:
    def __init__(self, endpoint, cacert=None, debug=False, basic_auth=None):
        self.client = Transport(endpoint, cacert=cacert, basic_auth=basic_auth)

    def inspect(self, definition, **arguments):
        if not isinstance(definition, str):
            raise TypeError("Workflow definition is not type of string (was %s)." % type(definition))
        return self.client.call("POST", "/workflows/inspect", raw_body=definition, **who(arguments))


class StreamManager:
    def __init__(self, endpoint, cacert=None, debug=False, basic_auth=None):
        self.client = Transport(endpoint, cacert=cacert, basic_auth=basic_auth)

    def listen(self, events=None, **arguments):
        """The documents of events as they come; without an end unless `end_event` and `end_execution_id` name one."""
        query = {name: arguments[name] for name in ("end_event", "end_execution_id") if arguments.get(name)}
        if events:
            query["events"] = events if isinstance(events, str) else ",".join(events)
        for line in self.client.lines("/stream", query, **who(arguments)):
            if line.startswith("data:") and line[5:].strip():
                yield json.loads(line[5:])
