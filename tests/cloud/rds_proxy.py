#!/usr/bin/env python3
"""A proxy in front of moto that makes RDS behave: slow states, AWS's checks, verified signatures, faults on demand.

    python3 tests/cloud/rds_proxy.py --port 4566 --upstream http://127.0.0.1:5000

Other services than RDS pass through to moto, signature checked as well. Keys issued by moto's STS are learnt from its
answers, so that assumed roles work. The control endpoint (see sim_http.py) understands besides faults:

    {"times": {"create_s": 1, "backup_s": 0, "modify_lag_s": 0, "modify_s": 1, "delete_s": 1}}
    {"finish": "orders-db"}              ends the present walk through states at once ("*": of all instances)
    {"status": {"orders-db": "failed"}}  pins a state; null lets it go
    {"endpoint": {"orders-*": "h:5433"}} shows another address for them, also for those yet to come; "" lets them go
    {"postgres": "postgresql://..."}     a superuser's URL: instances made from now on are served by this PostgreSQL, with
                                         their master user (no superuser, as at RDS), its password and their database
    {"maintenance": "orders-db"}         the maintenance window: applies changes made without ApplyImmediately
    {"expire_tokens": true}              every session token issued so far is expired from now on
    {"clock_skew_s": 600}                the server's clock as seen by signatures and the Date header
"""

from __future__ import annotations

import argparse
import fnmatch
import http.client
import os
import threading
import time
import uuid
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

import rds_book as book
import rds_rules as rules
from local_postgres import SqlError, run_sql
from rds_book import Book, Instance, Times
from sigv4 import AwsError, Caller, Secret, scope_of, verify
from sim_http import Fault, Json, Request, Response, Simulator, StateFile, json_response, run

DEFAULT_ACCESS_KEY = "AKIALOCALCLOUD000001"
# With the characters that a wrong encoder trips over.
DEFAULT_SECRET_KEY = "local/cloud+secret=0123456789abcdefghijkl"
_UNSIGNED_ACTIONS = {"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}
_CREATE_ACTIONS = {"CreateDBInstance": "DBInstanceIdentifier",
                   "CreateDBInstanceReadReplica": "DBInstanceIdentifier",
                   "RestoreDBInstanceFromDBSnapshot": "DBInstanceIdentifier",
                   "RestoreDBInstanceToPointInTime": "TargetDBInstanceIdentifier"}
_FAULT_STATUS = {"Throttling": 400, "ThrottlingException": 400, "RequestLimitExceeded": 503, "AccessDenied": 403,
                 "ExpiredToken": 403, "InternalFailure": 500, "ServiceUnavailable": 503}
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "server", "date",
                "status", "content-type"}


class RdsProxy(Simulator):
    def __init__(self, upstream: str, secrets: dict[str, Secret], times: Times, state: StateFile,
                 endpoint: tuple[str, int] | None = None) -> None:
        super().__init__()
        self.upstream = urlsplit(upstream)
        self.secrets, self.times, self.state, self.endpoint = secrets, times, state, endpoint
        self.book = Book(state.load())
        self.clock_skew_s = 0.0
        self.postgres = ""
        self.endpoints: dict[str, str] = {}
        # One RDS call at a time: each is a check and a change on two stores (ours and moto's).
        self._lock = threading.RLock()
        # The moment of the call in work: what is due, allowed and shown must agree on it.
        self._now = time.time()

    # ------------------------------------------------------------ entry

    def facts(self, request: Request) -> dict[str, str]:
        caller, params = scope_of(request), _form(request)
        return {"action": params.get("Action") or request.headers.get("X-Amz-Target") or "",
                "identifier": params.get("DBInstanceIdentifier", ""),
                "service": caller.service if caller else "", "region": caller.region if caller else "",
                "access_key": caller.access_key if caller else ""}

    def log_extra(self, request: Request, response: Response | None) -> Json:
        params = {name: book.MASK if "password" in name.lower() or "token" in name.lower() else value
                  for name, value in _form(request).items() if name not in ("Action", "Version")}
        return {"params": params, "code": _error_code(response), "attempt": request.headers.get("amz-sdk-request"),
                "invocation": request.headers.get("amz-sdk-invocation-id"),
                "user_agent": request.headers.get("User-Agent")}

    def answer(self, request: Request) -> Response:
        try:
            caller = self._authenticate(request)
            if caller is None or caller.service != "rds":
                return self._pass_through(request)
            with self._lock:
                self._now = time.time()
                self._advance()
                response = self._rds(request, caller, _form(request))
                self.state.save(self.book.to_state())
                return response
        except AwsError as error:
            return self._error(request, error)

    def fault_response(self, fault: Fault, request: Request) -> Response:
        code = fault.code or "ServiceUnavailable"
        action = _form(request).get("Action", "")
        usual = {"Throttling": "Rate exceeded",
                 "AccessDenied": f"User: arn:aws:iam::123456789012:user/squall is not authorized to perform: rds:{action} "
                                 f"because no identity-based policy allows the rds:{action} action"}
        message = fault.message or usual.get(code, "The service is unable to handle the request.")
        response = self._error(request, AwsError(code, message, fault.status or _FAULT_STATUS.get(code, 400)))
        response.headers.update(fault.headers)
        return response

    def _authenticate(self, request: Request) -> Caller | None:
        if "Authorization" not in request.headers and _form(request).get("Action") in _UNSIGNED_ACTIONS:
            return None
        return verify(request, self.secrets, now=time.time() + self.clock_skew_s)

    def _error(self, request: Request, error: AwsError) -> Response:
        request_id = str(uuid.uuid4())
        headers = {"x-amzn-RequestId": request_id}
        if self.clock_skew_s:
            headers["Date"] = formatdate(time.time() + self.clock_skew_s, usegmt=True)
        if "X-Amz-Target" in request.headers:
            return json_response({"__type": error.code, "message": error.message}, error.status, headers)
        body = book.error_body(error.code, error.message, error.status, request_id)
        return Response(error.status, body, "text/xml", headers)

    # ------------------------------------------------------------ moto

    def _upstream(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        connection = http.client.HTTPConnection(self.upstream.hostname or "", self.upstream.port, timeout=30)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_HEADERS}
            return Response(answer.status, answer.read(), answer.getheader("Content-Type", "text/xml"), kept)
        except OSError as error:
            raise AwsError("ServiceUnavailable", f"moto does not answer at {self.upstream.netloc}: {error}", 503) from error
        finally:
            connection.close()

    def _forward(self, request: Request, body: bytes | None = None) -> Response:
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in _HOP_HEADERS or name.lower() == "content-type"}
        return self._upstream(request.method, request.target, headers, request.body if body is None else body)

    def _own_call(self, region: str, params: dict[str, str]) -> Response:
        """A call of ours; moto reads the region from the credential scope and checks no signature."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": self.upstream.netloc,
                   "Authorization": f"AWS4-HMAC-SHA256 Credential={DEFAULT_ACCESS_KEY}/20260101/{region}/rds/aws4_request, "
                                    "SignedHeaders=host, Signature=0"}
        return self._upstream("POST", "/", headers, urlencode({"Version": "2014-10-31", **params}).encode())

    def _pass_through(self, request: Request) -> Response:
        response = self._forward(request)
        if response.status == 200 and b"<SessionToken>" in response.body:
            self._learn_session(response.body)
        return response

    def _learn_session(self, body: bytes) -> None:
        for node in ET.fromstring(body).iter():
            if node.tag.endswith("}Credentials") or node.tag == "Credentials":
                found = {child.tag.rpartition("}")[2]: child.text or "" for child in node}
                ends = time.strptime(found["Expiration"][:19], "%Y-%m-%dT%H:%M:%S")
                self.secrets[found["AccessKeyId"]] = Secret(found["SecretAccessKey"], found["SessionToken"],
                                                            _epoch(ends))

    def _describe(self, region: str, identifier: str) -> ET.Element:
        response = self._own_call(region, {"Action": "DescribeDBInstances", "DBInstanceIdentifier": identifier.lower()})
        found = book.instances_in(ET.fromstring(response.body)) if response.status == 200 else []
        if not found:
            raise AwsError("DBInstanceNotFound", f"DBInstance {identifier} not found.", 404)
        return found[0]

    # ------------------------------------------------------------ RDS actions

    def _rds(self, request: Request, caller: Caller, params: dict[str, str]) -> Response:
        action = params.get("Action", "")
        if action in _CREATE_ACTIONS:
            return self._create(request, caller, params, action)
        special = {"ModifyDBInstance": self._modify, "DeleteDBInstance": self._delete,
                   "CreateDBSnapshot": self._needs_available, "RebootDBInstance": self._reboot}
        if handler := special.get(action):
            rules.require(params, "DBInstanceIdentifier")
            return handler(request, caller, params)
        return self._shown(self._send(request, params), caller.region)

    def _send(self, request: Request, params: dict[str, str]) -> Response:
        """Forwards with AWS's reading of the parameters: identifiers in lower case, versions in full."""
        for name in ("DBInstanceIdentifier", "TargetDBInstanceIdentifier", "NewDBInstanceIdentifier"):
            if name in params:
                params = {**params, name: params[name].lower()}
        if "Engine" in params and "EngineVersion" in params:
            params = {**params, "EngineVersion": rules.full_version(params["Engine"], params["EngineVersion"])}
        return self._forward(request, urlencode(params).encode())

    def _shown(self, response: Response, region: str) -> Response:
        if response.status != 200 or b"<DBInstance>" not in response.body:
            return response
        root = ET.fromstring(response.body)
        for element in book.instances_in(root):
            if instance := self.book.get(region, book.text_of(element, "DBInstanceIdentifier")):
                book.show(element, instance, self._now, self.endpoint)
        response.body = book.to_bytes(root)
        return response

    def _create(self, request: Request, caller: Caller, params: dict[str, str], action: str) -> Response:
        if action == "CreateDBInstance":
            rules.check_create(params)
        name = _CREATE_ACTIONS[action]
        rules.require(params, name)
        rules.check_identifier(params[name], name)
        response = self._send(request, params)
        if response.status != 200:
            return response
        self._now = time.time()  # moto may have been slow; the walk begins when it is done
        instance = self.book.add(caller.region, params[name])
        instance.begin_create(self._now, self.times, backups=params.get("BackupRetentionPeriod") != "0")
        element = book.instances_in(ET.fromstring(response.body))[0]
        instance.resource_id = book.text_of(element, "DbiResourceId")
        if self.postgres:
            place = urlsplit(self.postgres)
            instance.endpoint = f"{place.hostname}:{place.port}"
            self._really(book.simple_fields(element), params.get("MasterUserPassword"))
        instance.endpoint = next((place for pattern, place in self.endpoints.items() if fnmatch.fnmatchcase(instance.identifier, pattern)),
                                 instance.endpoint)
        return self._shown(response, caller.region)

    def _really(self, fields: dict[str, str], password: str | None) -> None:
        """The master user and the database, in the PostgreSQL behind all instances."""
        user, database = fields.get("MasterUsername", ""), fields.get("DBName", "")
        quoted = (password or "").replace("'", "''")
        secret = f" PASSWORD '{quoted}'" if password else ""
        sql = f"""SELECT 'CREATE ROLE "{user}"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') \\gexec
                  ALTER ROLE "{user}" LOGIN CREATEROLE CREATEDB{secret};
                  SELECT 'CREATE DATABASE "{database}" OWNER "{user}"' WHERE '{database}' <> ''
                  AND NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec"""
        try:
            run_sql(self.postgres, sql)
        except SqlError as error:
            raise AwsError("InternalFailure", f"the PostgreSQL behind the instances refused: {error}", 500) from error

    def _status(self, caller: Caller, params: dict[str, str]) -> tuple[ET.Element, Instance | None, str]:
        """The instance in moto, in our book (if it came through us), and its present state."""
        element = self._describe(caller.region, params["DBInstanceIdentifier"])
        instance = self.book.get(caller.region, params["DBInstanceIdentifier"])
        status = (instance.status(self._now) if instance else None) or book.text_of(element, "DBInstanceStatus")
        return element, instance, status

    def _require_available(self, params: dict[str, str], status: str) -> None:
        if status != "available":
            raise AwsError("InvalidDBInstanceState", f"Database instance {params['DBInstanceIdentifier'].lower()} is not "
                                                     f"in available state; it is {status}.")

    def _needs_available(self, request: Request, caller: Caller, params: dict[str, str]) -> Response:
        _, _, status = self._status(caller, params)
        self._require_available(params, status)
        return self._shown(self._send(request, params), caller.region)

    def _reboot(self, request: Request, caller: Caller, params: dict[str, str]) -> Response:
        response = self._needs_available(request, caller, params)
        if instance := self.book.get(caller.region, params["DBInstanceIdentifier"]):
            instance.begin_change(self._now, self.times, "rebooting")
        return self._shown(response, caller.region)

    def _modify(self, request: Request, caller: Caller, params: dict[str, str]) -> Response:
        element, instance, status = self._status(caller, params)
        self._require_available(params, status)
        current = book.simple_fields(element)
        rules.check_modify(params, current)
        if "EngineVersion" in params:
            params["EngineVersion"] = rules.full_version(current.get("Engine", ""), params["EngineVersion"])
        if instance is None:
            return self._send(request, params)
        now_fields = {name: value for name, value in params.items() if name not in book.DEFERRED}
        response = self._send(request, now_fields)
        if response.status != 200:
            return response
        if "NewDBInstanceIdentifier" in params:
            self.book.rename(instance, params["NewDBInstanceIdentifier"])
        self._plan_change(instance, params, current)
        return self._shown(response, caller.region)

    def _plan_change(self, instance: Instance, params: dict[str, str], current: dict[str, str]) -> None:
        for name in book.DEFERRED:
            if name in params:
                instance.pending.pop(name, None)
                if params[name].lower() != current.get(name, "").lower():
                    instance.pending[name] = params[name]
        now = self._now
        if "MasterUserPassword" in params:  # always at once, whatever ApplyImmediately says
            if self.postgres and instance.endpoint:
                self._really({"MasterUsername": current.get("MasterUsername", "")}, params["MasterUserPassword"])
            instance.masked["MasterUserPassword"] = book.MASK
            instance.begin_change(now, self.times, "resetting-master-credentials")
        if instance.pending and rules.is_true(params, "ApplyImmediately"):
            instance.begin_change(now, self.times, "modifying")
        elif instance.pending and "MasterUserPassword" in params:
            instance.apply_at = None  # the other changes wait for the maintenance window

    def _delete(self, request: Request, caller: Caller, params: dict[str, str]) -> Response:
        element, instance, status = self._status(caller, params)
        identifier = params["DBInstanceIdentifier"].lower()
        if status == "deleting":
            raise AwsError("InvalidDBInstanceState", f"Instance {identifier} is already being deleted.")
        if status in ("creating", "backing-up", "modifying", "rebooting"):
            raise AwsError("InvalidDBInstanceState", f"Instance {identifier} is currently {status} - it can't be deleted "
                                                     "until it is available.")
        rules.check_delete(params, protected=book.text_of(element, "DeletionProtection") == "true")
        self._check_final_snapshot(caller.region, params.get("FinalDBSnapshotIdentifier"))
        instance = instance or self.book.add(caller.region, identifier)
        kept = {name: value for name, value in params.items() if name not in ("Version",)}
        instance.begin_delete(self._now, self.times, {**kept, "DBInstanceIdentifier": identifier})
        answer = ET.Element(f"{{{book.NAMESPACE}}}DeleteDBInstanceResponse")
        result = ET.SubElement(answer, f"{{{book.NAMESPACE}}}DeleteDBInstanceResult")
        result.append(element)
        metadata = ET.SubElement(answer, f"{{{book.NAMESPACE}}}ResponseMetadata")
        ET.SubElement(metadata, f"{{{book.NAMESPACE}}}RequestId").text = str(uuid.uuid4())
        return self._shown(Response(200, book.to_bytes(answer), "text/xml"), caller.region)

    def _check_final_snapshot(self, region: str, snapshot: str | None) -> None:
        if snapshot and self._own_call(region, {"Action": "DescribeDBSnapshots",
                                                "DBSnapshotIdentifier": snapshot}).status == 200:
            raise AwsError("DBSnapshotAlreadyExists", f"Cannot create the snapshot because a snapshot with the identifier "
                                                      f"{snapshot} already exists.")

    # ------------------------------------------------------------ time passes

    def _advance(self) -> None:
        """Carries out what has become due: deferred changes and deletions."""
        now = self._now
        for instance in self.book.named("*"):
            if not instance.creating(now) and instance.status(now) is None:
                instance.masked.clear()
            if instance.apply_at is not None and now >= instance.apply_at:
                self._apply_pending(instance)
            if instance.delete_at is not None and now >= instance.delete_at:
                self._own_call(instance.region, instance.delete_params)
                self.book.remove(instance)

    def _apply_pending(self, instance: Instance) -> None:
        if instance.pending:
            self._own_call(instance.region, {"Action": "ModifyDBInstance", "DBInstanceIdentifier": instance.identifier,
                                             "ApplyImmediately": "true", **instance.pending})
        instance.pending.clear()
        instance.apply_at = None

    # ------------------------------------------------------------ control

    def control(self, command: Json) -> Json:
        with self._lock:
            self._now = time.time()
            self.times.update(command.pop("times", {}))
            self.clock_skew_s = float(command.pop("clock_skew_s", self.clock_skew_s))
            for instance in self.book.named(command.pop("finish", "")):
                instance.skip_ahead(self._now)
            self.postgres = command.pop("postgres", self.postgres)
            for pattern, place in command.pop("endpoint", {}).items():
                self.endpoints[pattern] = place
                for instance in self.book.named("*"):
                    if fnmatch.fnmatchcase(instance.identifier, pattern):
                        instance.endpoint = place
            for identifier, status in command.pop("status", {}).items():
                for instance in self.book.named(identifier):
                    instance.forced_status = status
            for instance in self.book.named(command.pop("maintenance", "")):
                instance.begin_change(self._now, self.times, "modifying")
            if command.pop("expire_tokens", False):
                for secret in self.secrets.values():
                    secret.expires = time.time() if secret.session_token else None
            self._advance()
            self.state.save(self.book.to_state())
        return {}

    def settings(self) -> Json:
        now = time.time()
        return {"times": vars(self.times), "clock_skew_s": self.clock_skew_s,
                "instances": {f"{item.region}/{item.identifier}": item.status(now) or "available"
                              for item in self.book.named("*")}}


def _form(request: Request) -> dict[str, str]:
    if "x-www-form-urlencoded" in request.headers.get("Content-Type", ""):
        return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    return request.query if request.query.get("Action") else {}


def _epoch(moment: time.struct_time) -> float:
    from calendar import timegm
    return float(timegm(moment))


def _error_code(response: Response | None) -> str | None:
    if response is None or response.status < 400:
        return None
    start, end = response.body.find(b"<Code>"), response.body.find(b"</Code>")
    return response.body[start + 6:end].decode() if 0 <= start < end else None


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes moto's RDS slow, strict and faulty on demand.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="moto, e.g. http://127.0.0.1:5000")
    parser.add_argument("--state", type=Path, help="file that keeps instance states over a restart")
    parser.add_argument("--endpoint", metavar="HOST:PORT", help="shown as the Endpoint of every available instance")
    for name, default in vars(Times()).items():
        variable = f"RDS_{name.upper()}"
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=float(os.environ.get(variable, default)),
                            help=f"default {default}, or ${variable}")
    options = parser.parse_args()
    times = Times(**{name: getattr(options, name) for name in vars(Times())})
    host, _, port = (options.endpoint or "").rpartition(":")
    # The accepted key comes by the environment, as a command line is for all to read.
    secrets = {os.environ.get("RDS_PROXY_ACCESS_KEY", DEFAULT_ACCESS_KEY):
               Secret(os.environ.get("RDS_PROXY_SECRET_KEY", DEFAULT_SECRET_KEY))}
    run(RdsProxy(options.upstream, secrets, times, StateFile(options.state), (host, int(port)) if host else None),
        options.port)


if __name__ == "__main__":
    main()
