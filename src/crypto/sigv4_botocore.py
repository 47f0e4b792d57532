"""Signs each request of standard input (one JSON object a line) with botocore and prints the Authorization header.

Used by sigv4_test.cpp; exit status 77 where botocore is missing or too old to be told the time.
"""

import datetime
import json
import sys

try:
    from botocore import auth, awsrequest, credentials

    auth.get_current_datetime
except (ImportError, AttributeError):
    sys.exit(77)

for line in sys.stdin:
    case = json.loads(line)
    moment = datetime.datetime.strptime(case["time"], "%Y%m%dT%H%M%SZ")
    auth.get_current_datetime = lambda moment=moment: moment
    request = awsrequest.AWSRequest(method=case["method"], url=case["url"], data=case["body"].encode())
    for name, value in case["headers"]:
        request.headers.add_header(name, value)
    keys = credentials.Credentials(case["access_key"], case["secret_key"], case["token"] or None)
    auth.SigV4Auth(keys, case["service"], case["region"]).add_auth(request)
    print(request.headers["Authorization"])
