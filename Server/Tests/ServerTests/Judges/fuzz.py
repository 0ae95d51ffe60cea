"""Requests that nobody thought of, against a server that ServerTests.swift has started.

    fuzz.py PORT CHECK...

Each check is a function below; prints its name when it has passed, and fails with a traceback.
"""
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import yaml

PORT = int(sys.argv[1])
DESCRIPTION = pathlib.Path(__file__).resolve().parents[3] / "openapi.yaml"


def memory():
    """The server's resident bytes."""
    with open(f"/proc/{os.environ['APUS_SERVER_PID']}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def described():
    """Schemathesis makes requests out of the description, good ones and bad ones, and holds the answers to it."""
    spec = yaml.safe_load(DESCRIPTION.read_text())
    # Names that are there, most of the time; a model that this takes out of service is of no use to the others.
    models = ["dense", "reversed-fp32", "reversed-int64", "reversed-bool", "reversed-empty", "nothing"]
    for path, operations in spec["paths"].items():
        names = ["counter", "nothing"] if path.startswith("/v2/repository/models/") else models
        parameters = [{"name": "model", "in": "path", "required": True, "schema": {"enum": names}}]
        if "{version}" in path:
            parameters.append({"name": "version", "in": "path", "required": True, "schema": {"enum": ["1", "2", "3"]}})
        if "{model}" in path:
            operations["parameters"] = parameters
    request = spec["components"]["schemas"]["InferenceRequest"]["properties"]
    tensor = request["inputs"]["items"]["properties"]
    tensor["name"] = {"enum": ["x", "x", "y"]}
    tensor["shape"] = {"enum": [[1, 4], [1, 4], [2, 4], [0, 4], [8], [], [3]]}
    tensor["data"]["items"] = {"type": "number"}
    # A microsecond is soon over, which the description knows, and which is no fault.
    del request["parameters"]["properties"]["timeout"]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "openapi.json"
        path.write_text(json.dumps(spec))
        result = subprocess.run(
            [pathlib.Path(sys.executable).with_name("schemathesis"), "run", path, "--url", f"http://127.0.0.1:{PORT}", "--seed", "7",
             "--max-examples", os.environ.get("APUS_SERVER_EXAMPLES", "40"), "--phases", "examples,coverage,fuzzing", "--mode", "all",
             "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
             "--generation-database", "none", "--suppress-health-check", "all", "--no-color"],
            cwd=folder, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-2000:]
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request("GET", "/v2/models/stats")
    statistics = [model["inference_stats"] for model in json.loads(connection.getresponse().read())["model_stats"]]
    for outcome in ("success", "fail"):
        assert sum(stats[outcome]["count"] for stats in statistics) > 5, (outcome, statistics)


def bytes_damaged():
    """Requests with tensors as bytes, cut anywhere and with bits turned over, the header's length kept or damaged too: an answer to each that is no
    fault of the server's, and no memory that stays behind."""
    chance = random.Random(5)
    samples = []
    for model, dtype, kind, shape in (("dense", np.float32, "FP32", [3, 4]), ("reversed-int64", np.int64, "INT64", [8]),
                                      ("reversed-bool", np.bool_, "BOOL", [8]), ("reversed-fp16", np.float16, "FP16", [8])):
        data = np.ones(shape, dtype).tobytes()
        entry = {"name": "x", "shape": shape, "datatype": kind, "parameters": {"binary_data_size": len(data)}}
        head = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
        samples.append((model, head, data))
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    seen = {}

    def send(count):
        for _ in range(count):
            model, head, data = chance.choice(samples)
            body = bytearray(head + data)
            for _ in range(chance.randint(0, 6)):
                body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
            if chance.random() < 0.5:
                del body[chance.randrange(len(body)) :]
            length = len(head) if chance.random() < 0.8 else chance.randrange(2 * len(body) + 2)
            connection.request("POST", f"/v2/models/{model}/infer", bytes(body), {"Inference-Header-Content-Length": str(length)})
            response = connection.getresponse()
            answer = response.read()
            seen[response.status] = seen.get(response.status, 0) + 1
            assert response.status in (200, 400), (response.status, answer, model, length, bytes(body))
            assert response.status == 200 or json.loads(answer)["error"]

    send(1000)
    before = memory()
    send(3000)
    grown = memory() - before
    assert grown < 16 << 20, f"{grown} bytes more"
    assert min(seen.get(200, 0), seen.get(400, 0)) > 100, seen


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[check]()
        print(check, flush=True)
