"""Hours of everything at once, and whether memory stays where it is.

    soak.py PORT soak       APUS_SERVER_SOAK_MINUTES says how long, APUS_SERVER_GRPC_PORT the other port, APUS_SERVER_MODELS the folder

Clients load, send sequences, flood, leave, send what is no request, load and unload models and write over their files, over both protocols. Every few
seconds the server's resident memory is taken down; a line through what was seen after the first third must not rise by more than it may.
"""
import http.client
import os
import random
import shutil
import sys
import threading
import time

import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http
from tritonclient.utils import InferenceServerException

PORT = int(sys.argv[1])
ADDRESS = f"127.0.0.1:{PORT}"
GRPC_ADDRESS = f"127.0.0.1:{os.environ['APUS_SERVER_GRPC_PORT']}"
SECONDS = float(os.environ["APUS_SERVER_SOAK_MINUTES"]) * 60
FOLDER = os.environ["APUS_SERVER_MODELS"]
# Of an hour; the allocator's own comings and goings are some megabytes in shorter times.
BYTES_PER_HOUR = 32 << 20
SLACK = 24 << 20

end = time.monotonic() + SECONDS
counts = {}
lock = threading.Lock()
faults = []


def count(name):
    with lock:
        counts[name] = counts.get(name, 0) + 1


def memory():
    with open(f"/proc/{os.environ['APUS_SERVER_PID']}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def value(library, array):
    made = library.InferInput("x", array.shape, "FP32")
    made.set_data_from_numpy(array)
    return made


def infers(number):
    chance = random.Random(number)
    library, address = (over_grpc, GRPC_ADDRESS) if number % 2 else (over_http, ADDRESS)
    client = library.InferenceServerClient(address)
    while time.monotonic() < end:
        rows = chance.randint(1, 9)
        x = np.full((rows, 4), rows, np.float32)
        try:
            result = client.infer("dense", [value(library, x)], model_version="2")
            name = result.get_response()["outputs"][0]["name"] if library is over_http else result.get_response().outputs[0].name
            np.testing.assert_array_equal(result.as_numpy(name), x * 2 + 1)
            count("answered")
        except InferenceServerException as error:
            # Taken out of service at that moment.
            assert error.status() in ("503", "StatusCode.UNAVAILABLE"), error
            count("not ready")
            time.sleep(0.01)


def sequences():
    client = over_http.InferenceServerClient(ADDRESS)
    number = 0
    while time.monotonic() < end:
        number += 1
        for step in range(3):
            try:
                # Every third sequence is left as it is.
                client.infer("counter", [value(over_http, np.ones(2, np.float32))], sequence_id=number, sequence_start=step == 0,
                             sequence_end=step == 2 and number % 3 > 0)
                count("sequence")
            except InferenceServerException as error:
                assert error.status() in ("429", "400"), error
                count("sequence refused")
                break
        time.sleep(0.02)


def leaves():
    body = b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}], "parameters": {"timeout": 30000}}'
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        connection.request("POST", "/v2/models/slow/infer", body)
        if random.random() < 0.5:
            assert connection.getresponse().status in (200, 429, 504)
        connection.close()
        count("left or late")
        time.sleep(0.1)


def nonsense():
    chance = random.Random(3)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    good = b'{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}'
    while time.monotonic() < end:
        body = bytearray(good)
        body[chance.randrange(len(body))] = chance.randrange(256)
        path = chance.choice(["/v2/models/dense/infer", "/v2/models/nothing/infer", f"/v2/models/{chance.random()}", "/v2/repository/index"])
        connection.request("POST", path, bytes(body))
        response = connection.getresponse()
        response.read()
        assert response.status < 500 or response.status == 503, response.status
        count("nonsense")
        time.sleep(0.005)


def reloads():
    client = over_grpc.InferenceServerClient(GRPC_ADDRESS)
    source = f"{FOLDER}/dense/2/model.pt2"
    while time.monotonic() < end:
        time.sleep(1)
        kind = random.randrange(3)
        if kind == 0:
            client.unload_model("dense")
            client.load_model("dense")
        elif kind == 1:
            client.load_model("counter")
        else:
            # A new file, which the server finds by itself.
            shutil.copyfile(source, f"{FOLDER}/copy.new")
            os.replace(f"{FOLDER}/copy.new", f"{FOLDER}/copy.pt2" if random.random() < 0.5 else source)
        count("reload")


def guarded(body, *arguments):
    try:
        body(*arguments)
    except Exception as error:
        faults.append(f"{body.__name__}: {type(error).__name__} {error}")


def soak():
    threads = [threading.Thread(target=guarded, args=(infers, number)) for number in range(4)]
    threads += [threading.Thread(target=guarded, args=(body,)) for body in (sequences, leaves, nonsense, reloads)]
    for thread in threads:
        thread.start()
    seen = []
    interval = max(1.0, SECONDS / 600)
    while any(thread.is_alive() for thread in threads) and not faults:
        seen.append((time.monotonic(), memory()))
        if len(seen) % 30 == 0:
            print(f"# {(SECONDS - (end - time.monotonic())) / 60:.1f} min: {seen[-1][1] / 2**20:.1f} MiB {counts}", flush=True)
        time.sleep(interval)
    assert not faults, faults
    late = np.array(seen[len(seen) // 3 :], float)
    slope, _ = np.polyfit((late[:, 0] - late[0, 0]) / 3600, late[:, 1], 1)
    grown = slope * (late[-1, 0] - late[0, 0]) / 3600
    print(f"# {seen[0][1] / 2**20:.1f} MiB at first, {seen[-1][1] / 2**20:.1f} at last, {slope / 2**20:.2f} MiB an hour; {counts}", flush=True)
    assert grown <= BYTES_PER_HOUR * SECONDS / 3600 + SLACK, "memory grows"
    assert counts["answered"] > SECONDS and counts["reload"] > SECONDS / 5, counts


if __name__ == "__main__":
    soak()
    print("soak", flush=True)
