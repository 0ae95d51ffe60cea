"""Triton's own client, and clients that mean no good, against a server that ServerTests.swift has started.

    client.py PORT CHECK...

Each check is a function below; prints its name when it has passed, and fails with a traceback.
"""
import asyncio
import faulthandler
import http.client
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

import elements

# Says where it hangs, and ends.
faulthandler.dump_traceback_later(150, exit=True)

PORT = int(sys.argv[1])
ADDRESS = f"127.0.0.1:{PORT}"


def client(**options):
    return triton.InferenceServerClient(ADDRESS, **options)


def tensor(name, array, binary=True, datatype=None):
    value = triton.InferInput(name, array.shape, datatype or np_to_triton_dtype(array.dtype))
    value.set_data_from_numpy(array, binary_data=binary)
    return value


def raises(status, call):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == str(status), f"{error.status()} {error.message()}"
        assert error.message()
        return error.message()
    raise AssertionError(f"no error where {status} was expected")


def post(path, body, headers=None, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)
    try:
        connection.request("POST", path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


def get(path):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


# -- what the protocol says -------------------------------------------------------------------------------------------------------


def metadata():
    c = client()
    assert c.is_server_live() and c.is_server_ready()
    server = c.get_server_metadata()
    assert server["name"] == "apus-server" and "binary_tensor_data" in server["extensions"], server
    model = c.get_model_metadata("dense")
    assert model["name"] == "dense" and model["versions"] == ["1", "2"] and model["platform"] == "apus_pt2", model
    (x,) = model["inputs"]
    assert x == {"name": "x", "datatype": "FP32", "shape": [-1, 4]}, x
    assert [(o["datatype"], o["shape"]) for o in model["outputs"]] == [("FP32", [-1, 4]), ("FP32", [-1])], model
    assert c.is_model_ready("dense") and c.is_model_ready("dense", "1")
    assert not c.is_model_ready("dense", "3") and not c.is_model_ready("nothing") and not c.is_model_ready("broken")
    config = c.get_model_config("dense")
    assert {"model_configuration", "statistics"} <= set(server["extensions"]), server
    assert [m["version"] for m in c.get_inference_statistics("dense")["model_stats"]] == ["1", "2"]
    assert config["input"][0]["data_type"] == "TYPE_FP32" and config["input"][0]["dims"] == [-1, 4], config
    index = {(entry["name"], entry["version"]): entry for entry in c.get_model_repository_index()}
    assert index["dense", "2"]["state"] == "READY", index
    assert index["broken", "1"]["state"] == "UNAVAILABLE" and index["broken", "1"]["reason"], index
    raises(404, lambda: c.get_model_metadata("nothing"))
    raises(404, lambda: c.get_model_metadata("../dense"))
    raises(503, lambda: c.get_model_metadata("broken"))


def inference():
    c = client()
    names = [output["name"] for output in c.get_model_metadata("dense")["outputs"]]
    x = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)
    for sends_bytes in (False, True):
        for outputs in (
            None,
            [triton.InferRequestedOutput(name, binary_data=False) for name in names],
            [triton.InferRequestedOutput(name, binary_data=True) for name in names],
            [triton.InferRequestedOutput(names[1], binary_data=True), triton.InferRequestedOutput(names[0], binary_data=False)],
        ):
            result = c.infer("dense", [tensor("x", x, sends_bytes)], outputs=outputs, request_id="seven")
            response = result.get_response()
            assert response["id"] == "seven" and response["model_name"] == "dense" and response["model_version"] == "2"
            np.testing.assert_allclose(result.as_numpy(names[0]), x * 2 + 1, rtol=1e-6)
            np.testing.assert_allclose(result.as_numpy(names[1]), x.sum(1), rtol=1e-5, atol=1e-6)
    only = c.infer("dense", [tensor("x", x)], outputs=[triton.InferRequestedOutput(names[1])])
    assert [output["name"] for output in only.get_response()["outputs"]] == [names[1]]
    # The first version is another program.
    first = c.infer("dense", [tensor("x", x)], model_version="1")
    np.testing.assert_allclose(first.as_numpy(first.get_response()["outputs"][0]["name"]), x * 3, rtol=1e-6)
    # Numbers that are none, and the largest and smallest there are, both ways.
    odd = np.array([[np.nan, np.inf, -np.inf, -0.0], [3.4e38, 1e-45, 0.1, 16777217.0]], np.float32)
    for sends_bytes in (False, True):
        for gets_bytes in (False, True):
            result = c.infer("reversed-fp32", [tensor("x", odd.reshape(8), sends_bytes)],
                             outputs=[triton.InferRequestedOutput(output_of(c, "reversed-fp32"), binary_data=gets_bytes)])
            got = result.as_numpy(output_of(c, "reversed-fp32"))
            np.testing.assert_array_equal(got, odd.reshape(8)[::-1])
            assert np.signbit(got[4])


def output_of(c, model):
    return c.get_model_metadata(model)["outputs"][0]["name"]


def datatypes():
    c = client()
    for name, x in elements.of_every_kind():
        model, dtype = f"reversed-{name}", x.dtype
        assert c.get_model_metadata(model)["inputs"][0]["datatype"] == np_to_triton_dtype(x.dtype)
        for sends_bytes in (True, False):
            if dtype == np.float16 and not sends_bytes:
                continue
            result = c.infer(model, [tensor("x", x, sends_bytes)],
                             outputs=[triton.InferRequestedOutput(output_of(c, model), binary_data=sends_bytes)])
            got = result.as_numpy(output_of(c, model))
            assert got.dtype == x.dtype
            np.testing.assert_array_equal(got, x[::-1])
    # The two short floats as numbers in JSON, which the client doesn't write.
    for model, datatype in (("reversed-fp16", "FP16"), ("reversed-bf16", "BF16")):
        body = {"inputs": [{"name": "x", "shape": [8], "datatype": datatype, "data": [1, 2.5, -3, 0.125, 5, 6, 7, 8]}]}
        status, answer, _ = post(f"/v2/models/{model}/infer", json.dumps(body))
        assert status == 200, answer
        assert json.loads(answer)["outputs"][0]["data"] == [8, 7, 6, 5, 0.125, -3, 2.5, 1], answer
    x = np.arange(8, dtype=ml_dtypes.bfloat16)
    value = triton.InferInput("x", [8], "BF16")
    value.set_data_from_numpy(x)
    result = c.infer("reversed-bf16", [value])
    np.testing.assert_array_equal(result.as_numpy(output_of(c, "reversed-bf16")).astype(np.float32), x[::-1].astype(np.float32))
    # Nothing at all is something too.
    empty = c.infer("reversed-empty", [tensor("x", np.zeros((0,), np.float32))])
    assert empty.as_numpy(output_of(c, "reversed-empty")).shape == (0,)


def many():
    """Requests at once, of several row counts: each gets its own, and they run together."""
    c = client(concurrency=16)
    name = output_of(c, "dense")
    before = c.get_inference_statistics("dense", "2")["model_stats"][0]
    inputs = [np.full((i % 5 + 1, 4), i, np.float32) for i in range(64)]
    requests = [c.async_infer("dense", [tensor("x", x)]) for x in inputs]
    for x, request in zip(inputs, requests):
        np.testing.assert_allclose(request.get_result().as_numpy(name), x * 2 + 1)

    async def all_at_once():
        async with triton_aio.InferenceServerClient(ADDRESS) as c:
            return await asyncio.gather(*(c.infer("dense", [tensor("x", x, binary)]) for x in inputs for binary in (False, True)))

    for index, result in enumerate(asyncio.run(all_at_once())):
        np.testing.assert_allclose(result.as_numpy(name), inputs[index // 2] * 2 + 1)
    after = c.get_inference_statistics("dense", "2")["model_stats"][0]
    success = after["inference_stats"]["success"]["count"] - before["inference_stats"]["success"]["count"]
    rows = after["inference_count"] - before["inference_count"]
    assert success == 192 and rows == 3 * sum(x.shape[0] for x in inputs), after
    assert after["execution_count"] - before["execution_count"] < success, after


def sequences():
    c = client()
    name = output_of(c, "counter")

    def add(value, sequence, **options):
        return c.infer("counter", [tensor("x", np.full(2, value, np.float32))], sequence_id=sequence, **options).as_numpy(name)[0]

    assert add(1, 5, sequence_start=True) == 1
    assert add(10, "other", sequence_start=True) == 10
    assert add(2, 5) == 3 and add(20, "other") == 30
    assert add(3, 5, sequence_end=True) == 6
    raises(400, lambda: add(1, 5))
    raises(400, lambda: c.infer("counter", [tensor("x", np.ones(2, np.float32))]))
    # The server was told to keep three.
    for sequence in (11, 12):
        add(1, sequence, sequence_start=True)
    raises(429, lambda: add(1, 13, sequence_start=True))
    for sequence in (11, 12, "other"):
        add(1, sequence, sequence_end=True)
    assert add(1, 13, sequence_start=True, sequence_end=True) == 1


def control():
    c = client()
    c.unload_model("dense")
    assert not c.is_model_ready("dense")
    raises(503, lambda: c.infer("dense", [tensor("x", np.ones((1, 4), np.float32))]))
    c.load_model("dense")
    assert c.is_model_ready("dense", "1") and c.is_model_ready("dense", "2")
    raises(404, lambda: c.load_model("nothing"))
    raises(400, lambda: c.load_model("broken"))
    raises(400, lambda: c.load_model("dense", config="{}"))
    assert get("/v2/models/dense/ready")[0] == 200


def metrics():
    client().infer("dense", [tensor("x", np.ones((1, 4), np.float32))])
    status, body = get("/metrics")
    text = body.decode()
    assert status == 200
    values = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert line.split()[1] in ("HELP", "TYPE"), line
            continue
        name, value = line.rsplit(" ", 1)
        assert name not in values, line
        values[name] = float(value)
    assert values['apus_model_ready{model="dense",version="2"}'] == 1 and values['apus_model_ready{model="broken",version="1"}'] == 0
    assert values['apus_requests_waiting{model="dense",version="2"}'] == 0
    count = values['apus_request_duration_seconds_count{model="dense",version="2"}']
    assert count == values['apus_request_duration_seconds_bucket{model="dense",version="2",le="+Inf"}'] > 0
    assert count == values['apus_requests_total{model="dense",version="2",outcome="success"}']


# -- what nobody should send --------------------------------------------------------------------------------------------------------


def good(**changes):
    entry = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    entry.update(changes)
    return {"inputs": [{key: value for key, value in entry.items() if value is not None}]}


def bad_requests():
    c = client()
    raises(404, lambda: c.infer("nothing", [tensor("x", np.ones((1, 4), np.float32))]))
    raises(404, lambda: c.infer("dense", [tensor("x", np.ones((1, 4), np.float32))], model_version="7"))
    for wrong in (
        [tensor("y", np.ones((1, 4), np.float32))],
        [tensor("x", np.ones((1, 5), np.float32))],
        [tensor("x", np.ones(4, np.float32))],
        [tensor("x", np.ones((1, 4), np.float64))],
        [tensor("x", np.ones((1, 4), np.uint32))],
        [tensor("x", np.ones((200, 4), np.float32))],
        [tensor("x", np.array([[b"a", b"b", b"c", b"d"]], np.object_), datatype="BYTES")],
    ):
        message = raises(400, lambda: c.infer("dense", wrong))
        assert "x" in message or "y" in message, message
    raises(400, lambda: c.infer("dense", [tensor("x", np.ones((1, 4), np.float32))], outputs=[triton.InferRequestedOutput("nothing")]))
    raises(400, lambda: c.infer("dense", [tensor("x", np.ones((1, 4), np.float32))],
                                outputs=[triton.InferRequestedOutput(output_of(c, "dense"), class_count=2)]))
    raises(400, lambda: c.infer("dense", [tensor("x", np.ones((1, 4), np.float32))], request_compression_algorithm="gzip"))

    path = "/v2/models/dense/infer"
    deep = "[" * 100_000 + "]" * 100_000
    for body in (
        "", "{", "[]", "null", "7", "{}", '{"inputs": 7}', '{"inputs": []}', '{"inputs": [7]}', '{"inputs": [{}]}', "\xff", '{"inputs"',
        '{"a": 1} {}', '{"inputs": [], "inputs": []}', '{"a": "\\ud800"}', '{"a": "\\x"}', '{"a": 01}', '{"a": 1.}', '{"a": -}', '{"a": tru}', '{"a": "',
        '{"a": ' + deep + "}", '{"inputs": ' + deep + "}", json.dumps(good(data=json.loads("[" * 50 + "]" * 50))), '{"a":' * 50_000,
        json.dumps(good(shape=[1, -4])), json.dumps(good(shape=[1, 4.5])), json.dumps(good(shape="4")), json.dumps(good(shape=None)),
        json.dumps(good(shape=[2**62, 2**62])), json.dumps(good(shape=[0, 2**62, 2**62])), json.dumps(good(shape=[10**30])), json.dumps(good(shape=[2**40, 4])),
        json.dumps(good(shape=[1] * 100)), json.dumps(good(shape=[1, 1, 4])), json.dumps(good(data=[1, 2, 3])), json.dumps(good(data=[1, 2, 3, 4, 5])), json.dumps(good(data=None)),
        json.dumps(good(data=[1, 2, 3, "4"])), json.dumps(good(data=[1, 2, 3, None])), json.dumps(good(data=[1, 2, 3, {}])), json.dumps(good(data=7)),
        json.dumps(good(datatype="FP31")), json.dumps(good(datatype=7)), json.dumps(good(datatype=None)), json.dumps(good(name=None)), json.dumps(good(name=7)),
        json.dumps(good(parameters={"binary_data_size": 16})), json.dumps(good(data=None, parameters={"binary_data_size": 16})),
        json.dumps(good(data=None, parameters={"binary_data_size": -1})), json.dumps(good(parameters={"shared_memory_region": "a"})),
        json.dumps(good(parameters=7)), json.dumps(good() | {"outputs": [{}]}), json.dumps(good() | {"outputs": 7}), json.dumps(good() | {"id": 7}),
        json.dumps(good() | {"parameters": {"timeout": "soon"}}), json.dumps(good() | {"parameters": {"binary_data_output": 1}}),
        # More than are read: keys, sizes, tensors, objects, and the depth of lists.
        json.dumps(good() | {f"k{index}": 1 for index in range(64)}), json.dumps(good(**{f"k{index}": 1 for index in range(64)})),
        json.dumps(good(shape=[1] * 63 + [1, 4])), json.dumps({"inputs": good()["inputs"] * 1025}), json.dumps(good() | {"outputs": [{"name": "a"}] * 1025}),
        json.dumps(good() | {"a": [{}] * 16_384}), json.dumps(good() | {"a": [[{}] * 16_384]}), '{"a": ' + "[{\"a\":" * 40 + "1" + "}]" * 40 + "}",
        json.dumps(good() | {"parameters": {"sequence_id": "s" * 129}}), json.dumps(good() | {"parameters": {"sequence_id": 2**63}}),
        json.dumps({"inputs": good()["inputs"] * 2}), json.dumps({"inputs": good()["inputs"] * 5000}),
    ):
        status, answer, _ = post(path, body.encode("latin-1"))
        assert status == 400 and json.loads(answer)["error"], f"{status} {answer[:200]} for {body[:100]}"
    # As many as are read.
    most = good() | {f"k{index}": 1 for index in range(63)} | {"k0": [{}] * 16_000}
    assert post("/v2/models/dense/infer", json.dumps(most))[0] == 200
    for values, type in (([256], "UINT8"), ([-1], "UINT8"), ([1.5], "UINT8"), ([2], "BOOL"), ([1e300], "INT64"), ([2**63], "INT64")):
        model = f"reversed-{type.lower()}"
        body = {"inputs": [{"name": "x", "shape": [8], "datatype": type, "data": values + [0] * 7}]}
        status, answer, _ = post(f"/v2/models/{model}/infer", json.dumps(body))
        assert status == 400, f"{status} {answer} for {type} {values}"
    for path, expected in (
        ("/", 404), ("/v2/nothing", 404), ("/v2/models", 404), ("/v2/models/%2e%2e%2fdense", 404), ("/v2/models/../../etc/passwd", 404),
        ("/v2/models/dense/infer", 404), ("/v2/models/" + "a" * 5000, 404), ("/v2/models/%00", 404), ("/v2/models/%ff", 404),
    ):
        status, answer = get(path)
        assert status == expected and json.loads(answer)["error"], f"{status} {answer} for {path}"
    assert client().is_server_live()


def binary_bodies():
    """Bytes that are too few, too many, or not what the JSON says they are."""
    path = "/v2/models/dense/infer"
    header = json.dumps(good(data=None, parameters={"binary_data_size": 16})).encode()
    data = struct.pack("<4f", 1, 2, 3, 4)

    def send(body, length):
        headers = {"Inference-Header-Content-Length": str(length)}
        return post(path, body, headers)

    assert send(header + data, len(header))[0] == 200
    for cut in range(0, len(header) + len(data), 7):
        status, answer, _ = send((header + data)[:cut], len(header))
        assert status == 400, f"{status} {answer} after {cut} bytes"
    for length in (0, 1, len(header) - 1, len(header) + 1, len(header) + 16, 10**6, -1, 2**63 - 1, 2**64, 10**30, "x", ""):
        status, answer, _ = send(header + data, length)
        assert status == 400, f"{status} {answer} for {length}"
    assert send(header + data + b"x", len(header))[0] == 400
    for size in (0, 15, 17, 2**40, 2**62):
        other = json.dumps(good(data=None, parameters={"binary_data_size": size})).encode()
        assert send(other + data, len(other))[0] == 400
    truth = json.dumps({"inputs": [{"name": "x", "shape": [8], "datatype": "BOOL", "parameters": {"binary_data_size": 8}}]}).encode()
    status, answer, _ = post("/v2/models/reversed-bool/infer", truth + b"\x02" * 8, {"Inference-Header-Content-Length": str(len(truth))})
    assert status == 400, answer


def damaged():
    """A thousand good requests with bytes changed, taken out and put in: an answer to each, and never a server's fault."""
    chance = random.Random(7)
    header = json.dumps(good(data=None, parameters={"binary_data_size": 16})).encode()
    samples = [(json.dumps(good()).encode(), None), (header + struct.pack("<4f", 1, 2, 3, 4), len(header))]
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    seen = {}
    for _ in range(1000):
        body, length = chance.choice(samples)
        body = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            kind = chance.randrange(4)
            if kind == 0:
                body[place] = chance.randrange(256)
            elif kind == 1:
                del body[place : place + chance.randint(1, 8)]
            elif kind == 2:
                body[place:place] = bytes(chance.choice(b'[]{}",:0123456789eE-+.tfn\\u') for _ in range(chance.randint(1, 8)))
            else:
                body[place:place] = body[: chance.randrange(len(body))]
            if not body:
                body = bytearray(b"{")
        headers = {"Content-Type": "application/json"}
        if length is not None:
            headers["Inference-Header-Content-Length"] = str(chance.choice((length, max(0, length + len(body) - len(samples[1][0])), chance.randrange(400))))
        connection.request("POST", "/v2/models/dense/infer", bytes(body), headers)
        response = connection.getresponse()
        answer = response.read()
        seen[response.status] = seen.get(response.status, 0) + 1
        assert response.status in (200, 400), f"{response.status} {answer} for {bytes(body)}"
        assert response.status == 200 or json.loads(answer)["error"]
    connection.close()
    assert seen.get(400, 0) > 500, seen
    assert client().is_server_live()


def sizes():
    """The server was told to take a megabyte."""
    for length in (2**20 + 1, 10**12, 10**18, 10**40):
        with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
            s.sendall(f"POST /v2/models/dense/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode())
            answer = s.recv(4096)
            # What is no number at all is no HTTP.
            assert b" 413 " in answer or (length > 2**64 and b" 400 " in answer), (length, answer)
    x = np.zeros((2**18 // 4 + 1, 4), np.float32)
    raises(413, lambda: client().infer("dense", [tensor("x", x)]))
    # Two bytes of text, and eight in memory.
    text = {"inputs": [{"name": "x", "shape": [300_000], "datatype": "INT64", "data": [1] * 300_000}]}
    status, answer, _ = post("/v2/models/reversed-int64/infer", json.dumps(text))
    assert status == 413 and b"memory" in answer, (status, answer)
    # In pieces, without a length in front.
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
        s.sendall(b"POST /v2/models/dense/infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(40):
                s.sendall(piece)
            s.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        assert b" 413 " in s.recv(4096)
    for garbage in (b"\0" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"POST /v2/models/dense/infer HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"G" * 200_000):
        with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
            try:
                s.sendall(garbage)
                s.shutdown(socket.SHUT_WR)
                answer = s.recv(4096)
                assert not answer or answer.startswith(b"HTTP/1.1 4"), answer
            except ConnectionError:
                pass
    assert client().is_server_live()


# -- too much, too late, too soon -----------------------------------------------------------------------------------------------------


SLOW = json.dumps({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]})


def at_once(count, call):
    results = [None] * count

    def one(index):
        results[index] = call(index)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def flood():
    """The model called slow has room for four that wait."""
    results = at_once(24, lambda _: post("/v2/models/slow/infer", SLOW))
    statuses = [status for status, _, _ in results]
    assert set(statuses) == {200, 429}, statuses
    assert 5 <= statuses.count(200) < 24, statuses
    for status, answer, headers in results:
        if status == 429:
            assert headers["Retry-After"] and json.loads(answer)["error"]
    assert post("/v2/models/slow/infer", SLOW)[0] == 200


def deadlines():
    c = client()
    x = tensor("x", np.ones(1, np.float32))
    start = time.time()
    raises(504, lambda: c.infer("slow", [x], timeout=20_000))
    assert time.time() - start < 5
    assert c.infer("slow", [x], timeout=60_000_000)
    results = at_once(3, lambda _: post("/v2/models/slow/infer", json.dumps(json.loads(SLOW) | {"parameters": {"timeout": 60_000_000}})))
    assert [status for status, _, _ in results] == [200] * 3, results


def counted(outcome):
    text = get("/metrics")[1].decode()
    for line in text.splitlines():
        if line.startswith(f'apus_requests_total{{model="slow",version="1",outcome="{outcome}"}}'):
            return int(line.rsplit(" ", 1)[1])
    return 0


def departures():
    """Clients that go away before their answer: what they wanted is not computed."""
    before = counted("cancelled")
    for _ in range(4):
        s = socket.create_connection(("127.0.0.1", PORT), timeout=30)
        s.sendall(f"POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: {len(SLOW)}\r\n\r\n{SLOW}".encode())
        time.sleep(0.02)
        s.close()
    end = time.time() + 30
    while counted("cancelled") < before + 4:
        assert time.time() < end, counted("cancelled") - before
        time.sleep(0.05)
    # In the middle of a request, too.
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
        s.sendall(b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{")
    assert post("/v2/models/slow/infer", SLOW)[0] == 200


def ending():
    """The server is told to end while requests run and wait: each of them is answered."""
    pid = int(os.environ["APUS_SERVER_PID"])
    started = threading.Barrier(5)

    def one(_):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
        connection.request("POST", "/v2/models/slow/infer", SLOW)
        started.wait()
        return connection.getresponse().status

    def end(_):
        started.wait()
        time.sleep(0.05)
        os.kill(pid, signal.SIGTERM)

    results = at_once(5, lambda index: end(index) if index == 4 else one(index))
    assert results[:4] == [200] * 4, results


def token():
    c = client()
    assert c.is_server_live() and c.is_server_ready()
    x = tensor("x", np.ones((1, 4), np.float32))
    raises(401, lambda: c.infer("dense", [x]))
    for wrong in ("Bearer", "Bearer ", "Bearer secre", "Bearer secret1", "secret", "Basic secret"):
        raises(401, lambda: c.infer("dense", [x], headers={"Authorization": wrong}))
    raises(401, lambda: c.get_server_metadata())
    assert get("/metrics")[0] == 401
    assert c.infer("dense", [x], headers={"Authorization": "Bearer secret"})


def tls():
    import ssl

    context = ssl.create_default_context(cafile=os.environ["APUS_SERVER_CERTIFICATE"])
    connection = http.client.HTTPSConnection("localhost", PORT, context=context, timeout=30)
    connection.request("POST", "/v2/models/dense/infer", json.dumps(good()))
    response = connection.getresponse()
    assert response.status == 200 and json.loads(response.read())["outputs"][0]["data"] == [3, 5, 7, 9]
    c = triton.InferenceServerClient(f"localhost:{PORT}", ssl=True, ssl_options={"ca_certs": os.environ["APUS_SERVER_CERTIFICATE"]})
    assert c.is_model_ready("dense")
    # Nothing is answered that is not encrypted.
    with socket.create_connection(("127.0.0.1", PORT), timeout=30) as s:
        s.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" not in s.recv(4096)


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[check]()
        print(check, flush=True)
