"""Sends the requests of cases.py to a Triton server and writes what it answers.

    python record.py http://HOST:PORT ../../recorded/triton.json

The server serves what `models.py triton` makes.
"""

import base64
import http.client
import json
import sys
import urllib.parse

import cases


def main():
    address, out = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
    recorded = []
    for name, method, path, headers, body in cases.rest():
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        kept = {k.lower(): v for k, v in answer.getheaders() if k.lower() in ("content-type", "inference-header-content-length")}
        recorded.append({
            "name": name,
            "request": {"method": method, "path": path, "headers": headers, "body": base64.b64encode(body).decode()},
            "answer": {"status": answer.status, "headers": kept, "body": base64.b64encode(answer.read()).decode()},
        })
        connection.close()
    with open(out, "w") as file:
        lines = ",\n".join(json.dumps(case, sort_keys=True) for case in recorded)
        file.write(f"[\n{lines}\n]\n")


main()
