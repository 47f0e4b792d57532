"""Checks AWS Signature Version 4 the way AWS does: computes the signature from what arrived and compares."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from sim_http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_MAX_S = 300
_AUTHORIZATION = re.compile(
    rf"^{ALGORITHM}\s+Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),"
    r"\s*Signature=(?P<signature>[0-9a-fA-F]+)\s*$")


class AwsError(Exception):
    """An answer in AWS's error form."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass
class Secret:
    """What the server knows of one access key. Keys with a session token end at `expires` (epoch seconds)."""

    key: str
    session_token: str | None = None
    expires: float | None = None


@dataclass(frozen=True)
class Caller:
    access_key: str
    region: str
    service: str


@dataclass(frozen=True)
class _Scope:
    access_key: str
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def verify(request: Request, secrets: dict[str, Secret], *, now: float | None = None) -> Caller:
    """Who signed the request; raises AwsError as AWS would answer."""
    match = _parse_authorization(request)
    scope = _parse_scope(match["credential"])
    secret = _known_secret(request, secrets, scope)
    stamp = _check_time(request, scope, time.time() if now is None else now)
    canonical = canonical_request(request, match["headers"].lower().split(";"), scope.service)
    to_sign = "\n".join([ALGORITHM, stamp, str(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    if not hmac.compare_digest(_signature(secret.key, scope, to_sign), match["signature"].lower()):
        raise AwsError("SignatureDoesNotMatch", _mismatch_text(canonical, to_sign), 403)
    return Caller(scope.access_key, scope.region, scope.service)


def scope_of(request: Request) -> Caller | None:
    """The caller a request claims to be, unchecked."""
    match = _AUTHORIZATION.match(request.headers.get("Authorization", ""))
    parts = match["credential"].split("/") if match else []
    return Caller(parts[0], parts[2], parts[3]) if len(parts) == 5 else None


def _parse_authorization(request: Request) -> re.Match[str]:
    header = request.headers.get("Authorization", "")
    if not header:
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    match = _AUTHORIZATION.match(header)
    if match is None:
        raise AwsError("IncompleteSignature", f"Authorization header must be '{ALGORITHM} Credential=..., "
                                              "SignedHeaders=..., Signature=...'", 400)
    return match


def _parse_scope(credential: str) -> _Scope:
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise AwsError("IncompleteSignature", "Credential must have exactly 5 slash-delimited elements, e.g. "
                                              "keyid/date/region/service/aws4_request", 400)
    return _Scope(*parts[:4])


def _known_secret(request: Request, secrets: dict[str, Secret], scope: _Scope) -> Secret:
    secret = secrets.get(scope.access_key)
    token = request.headers.get("X-Amz-Security-Token")
    if secret is None or secret.session_token != token:
        raise AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    if secret.expires is not None and secret.expires <= time.time():
        raise AwsError("ExpiredToken", "The security token included in the request is expired", 403)
    return secret


def _check_time(request: Request, scope: _Scope, now: float) -> str:
    stamp = request.headers.get("X-Amz-Date", "")
    try:
        signed_at = timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise AwsError("IncompleteSignature", "X-Amz-Date must be in ISO-8601 'basic format'", 400) from None
    if stamp[:8] != scope.date:
        raise AwsError("SignatureDoesNotMatch", f"Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                                                f"version of date from HTTP: '{scope.date}' != '{stamp[:8]}'", 403)
    here = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    if signed_at < now - SKEW_MAX_S:
        raise AwsError("SignatureDoesNotMatch", f"Signature expired: {stamp} is now earlier than the limit "
                                                f"({here} - 5 min.)", 403)
    if signed_at > now + SKEW_MAX_S:
        raise AwsError("SignatureDoesNotMatch", f"Signature not yet current: {stamp} is still later than the limit "
                                                f"({here} + 5 min.)", 403)
    return stamp


def canonical_request(request: Request, signed: list[str], service: str) -> str:
    if "host" not in signed:
        raise AwsError("SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the AWS Authorization.", 403)
    if missing := [name for name in signed if name not in request.headers]:
        raise AwsError("SignatureDoesNotMatch", f"Signed header not in the request: {', '.join(missing)}", 403)
    headers = "".join(f"{name}:{_header_value(request, name)}\n" for name in sorted(signed))
    return "\n".join([request.method, _canonical_path(request.raw_path, service), _canonical_query(request.raw_query),
                      headers, ";".join(sorted(signed)), _payload_hash(request, service)])


def _header_value(request: Request, name: str) -> str:
    values = request.headers.get_all(name, [])
    return ",".join(" ".join(value.split()) for value in values)


def _canonical_path(raw_path: str, service: str) -> str:
    if service == "s3":
        return quote(unquote(raw_path), safe="/-_.~")
    # Every service but S3 encodes the already encoded path once more, after removing dot segments.
    parts: list[str] = []
    for part in raw_path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    tail = "/" if parts and raw_path.endswith("/") else ""
    return quote("/" + "/".join(parts) + tail, safe="/-_.~")


def _canonical_query(raw_query: str) -> str:
    pairs = [(quote(key, safe="-_.~"), quote(value, safe="-_.~"))
             for key, value in parse_qsl(raw_query.replace("+", "%2B"), keep_blank_values=True)]
    return "&".join(f"{key}={value}" for key, value in sorted(pairs))


def _payload_hash(request: Request, service: str) -> str:
    declared = request.headers.get("X-Amz-Content-Sha256")
    if service == "s3" and declared and not re.fullmatch(r"[0-9a-f]{64}", declared):
        return declared  # UNSIGNED-PAYLOAD and the streaming forms
    return hashlib.sha256(request.body).hexdigest()


def _signature(key: str, scope: _Scope, to_sign: str) -> str:
    digest = f"AWS4{key}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        digest = hmac.new(digest, part.encode(), hashlib.sha256).digest()
    return hmac.new(digest, to_sign.encode(), hashlib.sha256).hexdigest()


def _mismatch_text(canonical: str, to_sign: str) -> str:
    return ("The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{to_sign}'\n")
