"""Triton's own client over gRPC, and clients that mean no good, against a server that ServerTests.swift has started.

    grpc_client.py PORT CHECK...        the port of HTTP; APUS_SERVER_GRPC_PORT names the other

Each check is a function below; prints its name when it has passed, and fails with a traceback.
"""
import faulthandler
import http.client
import os
import queue
import random
import signal
import socket
import sys
import threading
import time

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as stubs
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

import elements

# Says where it hangs, and ends.
faulthandler.dump_traceback_later(150, exit=True)

HTTP_PORT = int(sys.argv[1])
PORT = int(os.environ["APUS_SERVER_GRPC_PORT"])
ADDRESS = f"127.0.0.1:{PORT}"


def client(**options):
    return triton.InferenceServerClient(ADDRESS, **options)


def stub():
    channel = grpc.insecure_channel(ADDRESS, options=[("grpc.max_send_message_length", -1)])
    return stubs.GRPCInferenceServiceStub(channel)


def tensor(name, array, datatype=None):
    value = triton.InferInput(name, array.shape, datatype or np_to_triton_dtype(array.dtype))
    value.set_data_from_numpy(array)
    return value


def raises(code, call):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == f"StatusCode.{code}", f"{error.status()} {error.message()}"
        return error.message()
    except grpc.RpcError as error:
        assert error.code().name == code, f"{error.code()} {error.details()}"
        return error.details()
    raise AssertionError(f"no error where {code} was expected")


def output_of(c, model):
    return c.get_model_metadata(model).outputs[0].name


X = np.random.default_rng(0).standard_normal((3, 4), dtype=np.float32)


def metadata():
    c = client()
    assert c.is_server_live() and c.is_server_ready()
    server = c.get_server_metadata()
    assert server.name == "apus-server" and "binary_tensor_data" in server.extensions, server
    model = c.get_model_metadata("dense")
    assert model.name == "dense" and list(model.versions) == ["1", "2"] and model.platform == "apus_pt2", model
    (x,) = model.inputs
    assert (x.name, x.datatype, list(x.shape)) == ("x", "FP32", [-1, 4]), x
    assert [(o.datatype, list(o.shape)) for o in model.outputs] == [("FP32", [-1, 4]), ("FP32", [-1])], model
    assert c.is_model_ready("dense") and c.is_model_ready("dense", "1")
    assert not c.is_model_ready("dense", "3") and not c.is_model_ready("nothing") and not c.is_model_ready("broken")
    index = {(entry.name, entry.version): entry for entry in c.get_model_repository_index().models}
    assert index["dense", "2"].state == "READY" and index["broken", "1"].state == "UNAVAILABLE" and index["broken", "1"].reason, index
    raises("NOT_FOUND", lambda: c.get_model_metadata("nothing"))
    raises("NOT_FOUND", lambda: c.get_model_metadata("../dense"))
    raises("UNAVAILABLE", lambda: c.get_model_metadata("broken"))
    assert {"model_configuration", "statistics"} <= set(server.extensions), server
    # What both protocols say is the same.
    over_http = triton_http.InferenceServerClient(f"127.0.0.1:{HTTP_PORT}")
    for name in ("dense", "counter", *(f"reversed-{kind}" for kind in [*elements.KINDS, "bf16"])):
        expected = over_http.get_model_config(name)
        config = c.get_model_config(name, as_json=True)["config"]
        assert {key: config.get(key) for key in ("name", "platform", "backend", "parameters")} == \
            {key: expected[key] for key in ("name", "platform", "backend", "parameters")}, (config, expected)
        for key in ("input", "output"):
            assert [(t["name"], t["data_type"], [int(d) for d in t.get("dims", [])]) for t in config[key]] == \
                [(t["name"], t["data_type"], t["dims"]) for t in expected[key]], (config, expected)
    assert c.get_model_config("dense", "1").config.parameters["batching"].string_value == "together"
    assert "buffers" in c.get_model_config("counter").config.parameters["batching_reason"].string_value
    raises("NOT_FOUND", lambda: c.get_model_config("nothing"))
    raises("NOT_FOUND", lambda: c.get_model_config("dense", "3"))
    raises("UNAVAILABLE", lambda: c.get_model_config("broken"))


def plain(value):
    """Numbers as they are in JSON of HTTP; Google's writes 64 bits as texts, and leaves out 0."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items() if plain(entry) not in (0, {}, [])}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return int(value) if isinstance(value, str) and value.isdigit() else value


def statistics():
    """The same numbers as over HTTP, and as the metrics have."""
    c = client()
    over_http = triton_http.InferenceServerClient(f"127.0.0.1:{HTTP_PORT}")
    before = c.get_inference_statistics("dense", "2").model_stats[0]
    for _ in range(3):
        c.infer("dense", [tensor("x", X)])
    raises("INVALID_ARGUMENT", lambda: c.infer("dense", [tensor("x", X[:, :3])]))
    after = c.get_inference_statistics("dense", "2").model_stats[0]
    assert (after.name, after.version) == ("dense", "2"), after
    assert after.inference_count - before.inference_count == 9 and after.last_inference > before.last_inference, after
    assert after.execution_count - before.execution_count == 3, after
    success, failure = after.inference_stats.success, after.inference_stats.fail
    assert success.count - before.inference_stats.success.count == 3 and success.ns > before.inference_stats.success.ns, after
    assert failure.count - before.inference_stats.fail.count == 1, after
    assert success.count == counted("dense", "2", "apus_requests_total", 'outcome="success"')
    assert after.execution_count == sum(batch.compute_infer.count for batch in after.batch_stats) == counted("dense", "2", "apus_executions_total")
    for name, version in (("", ""), ("dense", ""), ("dense", "1")):
        got = plain(c.get_inference_statistics(name, version, as_json=True))
        expected = plain(over_http.get_inference_statistics(name, version))
        assert got == expected, (name, version, got, expected)
    assert [m.version for m in c.get_inference_statistics("dense").model_stats] == ["1", "2"]
    assert len(c.get_inference_statistics().model_stats) == len([m for m in c.get_model_repository_index().models if m.state == "READY"])
    raises("NOT_FOUND", lambda: c.get_inference_statistics("nothing"))
    raises("NOT_FOUND", lambda: c.get_inference_statistics("dense", "3"))
    raises("UNAVAILABLE", lambda: c.get_inference_statistics("broken"))


def inference():
    """The same answers as over HTTP, to the bit."""
    c = client()
    names = [output.name for output in c.get_model_metadata("dense").outputs]
    over_http = triton_http.InferenceServerClient(f"127.0.0.1:{HTTP_PORT}")
    value = triton_http.InferInput("x", X.shape, "FP32")
    value.set_data_from_numpy(X)
    expected = over_http.infer("dense", [value])
    result = c.infer("dense", [tensor("x", X)], request_id="seven")
    response = result.get_response()
    assert (response.id, response.model_name, response.model_version) == ("seven", "dense", "2"), response
    for name in names:
        np.testing.assert_array_equal(result.as_numpy(name), expected.as_numpy(name))
    np.testing.assert_allclose(result.as_numpy(names[0]), X * 2 + 1, rtol=1e-6)
    only = c.infer("dense", [tensor("x", X)], outputs=[triton.InferRequestedOutput(names[1])])
    assert [output.name for output in only.get_response().outputs] == [names[1]]
    np.testing.assert_array_equal(only.as_numpy(names[1]), expected.as_numpy(names[1]))
    first = c.infer("dense", [tensor("x", X)], model_version="1")
    np.testing.assert_allclose(first.as_numpy(first.get_response().outputs[0].name), X * 3, rtol=1e-6)
    # What the log and the answer call the request.
    _, call = stub().ServerLive.with_call(messages.ServerLiveRequest(), metadata=[("x-request-id", "mine")])
    assert dict(call.initial_metadata())["x-request-id"] == "mine"


LISTS = {"bool": "bool_contents", "uint8": "uint_contents", "int8": "int_contents", "int16": "int_contents", "int32": "int_contents",
         "int64": "int64_contents", "fp32": "fp32_contents", "fp64": "fp64_contents"}


def datatypes():
    """Bytes are answered with bytes, lists of elements with lists."""
    c, raw = client(), stub()
    for name, x in elements.of_every_kind():
        model, dtype = f"reversed-{name}", x.dtype
        result = c.infer(model, [tensor("x", x)])
        assert result.get_response().raw_output_contents
        got = result.as_numpy(output_of(c, model))
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, x[::-1])
        if name not in LISTS:
            continue
        request = messages.ModelInferRequest(model_name=model)
        entry = request.inputs.add(name="x", datatype=np_to_triton_dtype(x.dtype), shape=[8])
        getattr(entry.contents, LISTS[name]).extend(x.tolist())
        answer = raw.ModelInfer(request)
        assert not answer.raw_output_contents
        np.testing.assert_array_equal(np.array(getattr(answer.outputs[0].contents, LISTS[name])).astype(dtype), x[::-1])
        # One too few, and a list of another datatype.
        del getattr(entry.contents, LISTS[name])[-1]
        raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(request))
        entry.contents.bytes_contents.append(b"x")
        raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(request))
    request = messages.ModelInferRequest(model_name="reversed-int8")
    request.inputs.add(name="x", datatype="INT8", shape=[8]).contents.int_contents.extend([128] + [0] * 7)
    raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(request))
    empty = c.infer("reversed-empty", [tensor("x", np.zeros((0,), np.float32))])
    assert empty.as_numpy(output_of(c, "reversed-empty")).shape == (0,)


def counted(model, version, name, label=""):
    connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=60)
    connection.request("GET", "/metrics")
    total = 0
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith(f'{name}{{model="{model}",version="{version}"') and label in line:
            total += float(line.rsplit(" ", 1)[1])
    connection.close()
    return total


def many():
    """Requests at once, of several row counts: each gets its own, and they run together."""
    c = client()
    name = output_of(c, "dense")
    runs = counted("dense", "2", "apus_executions_total")
    inputs = [np.full((i % 5 + 1, 4), i, np.float32) for i in range(128)]
    results = queue.Queue()
    for index, x in enumerate(inputs):
        c.async_infer("dense", [tensor("x", x)], lambda result, error, index=index: results.put((index, result, error)))
    for _ in inputs:
        index, result, error = results.get(timeout=60)
        assert error is None, error
        np.testing.assert_allclose(result.as_numpy(name), inputs[index] * 2 + 1)
    assert counted("dense", "2", "apus_executions_total") - runs < len(inputs)


def sequences():
    c = client()
    name = output_of(c, "counter")

    def add(value, sequence, **options):
        return c.infer("counter", [tensor("x", np.full(2, value, np.float32))], sequence_id=sequence, **options).as_numpy(name)[0]

    assert add(1, 5, sequence_start=True) == 1 and add(10, "other", sequence_start=True) == 10
    assert add(2, 5) == 3 and add(20, "other", sequence_end=True) == 30 and add(3, 5, sequence_end=True) == 6
    raises("INVALID_ARGUMENT", lambda: add(1, 5))
    for sequence in (11, 12, 13):
        add(1, sequence, sequence_start=True)
    raises("RESOURCE_EXHAUSTED", lambda: add(1, 14, sequence_start=True))
    for sequence in (11, 12, 13):
        add(1, sequence, sequence_end=True)
    # The same over a stream, which one request's error doesn't end.
    results = queue.Queue()
    c.start_stream(lambda result, error: results.put((result, error)))
    for index in range(6):
        c.async_stream_infer("counter", [tensor("x", np.full(3 if index == 2 else 2, index, np.float32))], sequence_id=7,
                             sequence_start=index == 0, sequence_end=index == 5, request_id=str(index))
    totals = []
    for index in range(6):
        result, error = results.get(timeout=60)
        assert (error is not None) == (index == 2), (index, error)
        if error is None:
            assert result.get_response().id == str(index)
            totals.append(result.as_numpy(name)[0])
    c.stop_stream()
    assert totals == [0, 1, 4, 8, 13], totals


def control():
    c = client()
    c.unload_model("dense")
    assert not c.is_model_ready("dense")
    raises("UNAVAILABLE", lambda: c.infer("dense", [tensor("x", X)]))
    c.load_model("dense")
    assert c.is_model_ready("dense", "1") and c.is_model_ready("dense", "2")
    raises("NOT_FOUND", lambda: c.load_model("nothing"))
    raises("INVALID_ARGUMENT", lambda: c.load_model("broken"))
    raises("INVALID_ARGUMENT", lambda: c.load_model("dense", config="{}"))


def varint(number):
    """As protocol buffers write it."""
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes(made + bytes([number]))


def numbers(values):
    made = messages.ModelInferRequest(model_name="reversed-int64")
    made.inputs.add(name="x", datatype="INT64", shape=[8]).contents.int64_contents.extend(values)
    return made


def bad_requests():
    c, raw = client(), stub()
    raises("NOT_FOUND", lambda: c.infer("nothing", [tensor("x", X)]))
    raises("NOT_FOUND", lambda: c.infer("dense", [tensor("x", X)], model_version="7"))
    for wrong in ([tensor("y", X)], [tensor("x", X[:, :3])], [tensor("x", X[0])], [tensor("x", X.astype(np.float64))],
                  [tensor("x", X.astype(np.uint32))], [tensor("x", np.zeros((200, 4), np.float32))],
                  [tensor("x", np.array([[b"a", b"b", b"c", b"d"]], np.object_), "BYTES")], []):
        raises("INVALID_ARGUMENT", lambda: c.infer("dense", wrong))
    raises("INVALID_ARGUMENT", lambda: c.infer("dense", [tensor("x", X)], outputs=[triton.InferRequestedOutput("nothing")]))
    raises("INVALID_ARGUMENT", lambda: c.infer("dense", [tensor("x", X)],
                                               outputs=[triton.InferRequestedOutput(output_of(c, "dense"), class_count=2)]))
    raises("UNIMPLEMENTED", lambda: c.infer("dense", [tensor("x", X)], compression_algorithm="gzip"))

    def request(shape=(1, 4), raws=(bytes(16),), datatype="FP32", name="x", **more):
        made = messages.ModelInferRequest(model_name="dense", raw_input_contents=raws, **more)
        made.inputs.add(name=name, datatype=datatype, shape=shape)
        return made

    assert raw.ModelInfer(request())
    for wrong in (request(shape=(-1, 4)), request(shape=(2**62, 2**62)), request(shape=(2**40, 4)), request(shape=[1] * 100),
                  request(shape=(1, 1, 4)), request(raws=()), request(raws=(bytes(15),)), request(raws=(bytes(17),)),
                  request(raws=(bytes(16), b"")), request(datatype="FP31"), request(datatype=""), request(name=""), request(name="y"),
                  request(parameters={"sequence_id": messages.InferParameter(double_param=1)}),
                  request(parameters={"timeout": messages.InferParameter(string_param="soon")}),
                  request(parameters={"timeout": messages.InferParameter(int64_param=-1)})):
        raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(wrong))
    both = request()
    both.inputs[0].contents.fp32_contents.extend([1, 2, 3, 4])
    raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(both))
    twice = request(raws=(bytes(16), bytes(16)))
    twice.inputs.append(twice.inputs[0])
    raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(twice))
    # Two bytes each, and in memory a hundred.
    parts = request()
    parts.inputs.extend([messages.ModelInferRequest.InferInputTensor()] * 100_000)
    assert "parts" in raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(parts))
    names = request()
    names.inputs[0].contents.bytes_contents.extend([b""] * 100_000)
    assert "parts" in raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(names))
    # A number of one byte becomes eight, in one list or one by one.
    assert "memory" in raises("RESOURCE_EXHAUSTED", lambda: raw.ModelInfer(numbers([7] * 200_000)))
    assert raises("INVALID_ARGUMENT", lambda: raw.ModelInfer(numbers([7] * 100_000)))
    send = grpc.insecure_channel(ADDRESS).unary_unary("/inference.GRPCInferenceService/ModelInfer", lambda data: data, lambda data: data)
    # An input's shape, and int_contents that nobody packed.
    for entry in (b"\x1a" + varint(200_000) + b"\1" * 200_000, b"\x2a" + varint(600_000) + b"\x10\1" * 300_000):
        assert "memory" in raises("RESOURCE_EXHAUSTED", lambda: send(b"\x0a\x05dense\x2a" + varint(len(entry)) + entry))
    # The server was told to take a megabyte; of what is more than two it reads nothing.
    assert "bytes" in raises("RESOURCE_EXHAUSTED", lambda: raw.ModelInfer(request(shape=(2**16 + 1, 4), raws=(bytes(2**20 + 16),))))
    raises("CANCELLED", lambda: raw.ModelInfer(request(shape=(2**20, 4), raws=(bytes(2**24),))))
    assert c.is_server_live()


def damaged():
    """Good messages with bytes changed, taken out and put in: an answer to each, and never a server's fault."""
    chance = random.Random(11)
    samples = []
    for is_raw in (True, False):
        made = messages.ModelInferRequest(model_name="dense", id="a", parameters={"timeout": messages.InferParameter(int64_param=10**9)})
        entry = made.inputs.add(name="x", datatype="FP32", shape=[1, 4])
        if is_raw:
            made.raw_input_contents.append(np.ones(4, np.float32).tobytes())
        else:
            entry.contents.fp32_contents.extend([1, 2, 3, 4])
        samples.append(made.SerializeToString())
    channel = grpc.insecure_channel(ADDRESS)
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", lambda data: data, lambda data: data)
    stream = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer", lambda data: data, lambda data: data)
    seen = {}
    for index in range(1000):
        body = bytearray(chance.choice(samples))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body)) if body else 0
            kind = chance.randrange(4)
            if kind == 0 and body:
                body[place] ^= 1 << chance.randrange(8)
            elif kind == 1:
                del body[place : place + chance.randint(1, 8)]
            elif kind == 2:
                body[place:place] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
            else:
                del body[chance.randrange(len(body) + 1) :]
        try:
            if index % 4 == 3:
                list(stream(iter([bytes(body)]), timeout=60))
            else:
                call(bytes(body), timeout=60)
            code = "OK"
        except grpc.RpcError as error:
            code = error.code().name
        seen[code] = seen.get(code, 0) + 1
        # A timeout of few microseconds may be among them.
        assert code in ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "DEADLINE_EXCEEDED"), (code, bytes(body))
    assert seen.get("INVALID_ARGUMENT", 0) > 300 and seen.get("DEADLINE_EXCEEDED", 0) < 20, seen
    assert client().is_server_live()


def slow_call(timeout=None):
    return client().infer("slow", [tensor("x", np.ones(1, np.float32))], client_timeout=timeout)


def at_once(count, call):
    results = [None] * count

    def one(index):
        try:
            call(index)
            results[index] = "OK"
        except InferenceServerException as error:
            results[index] = error.status().removeprefix("StatusCode.")

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def flood():
    """The model called slow has room for four that wait."""
    results = at_once(24, lambda _: slow_call())
    assert set(results) == {"OK", "RESOURCE_EXHAUSTED"} and 5 <= results.count("OK") < 24, results
    slow_call()


def deadlines():
    """Of the request's own clock, and of the call's."""
    c = client()
    x = [tensor("x", np.ones(1, np.float32))]
    start = time.time()
    raises("DEADLINE_EXCEEDED", lambda: c.infer("slow", x, timeout=20_000))
    assert time.time() - start < 5

    def ended():
        return sum(counted("slow", "1", "apus_requests_total", outcome) for outcome in ("deadlineExceeded", "cancelled"))

    before = ended()
    # Behind others, so that its time is up before its turn.
    others = [threading.Thread(target=slow_call) for _ in range(4)]
    for thread in others:
        thread.start()
    raises("DEADLINE_EXCEEDED", lambda: c.infer("slow", x, client_timeout=0.15))
    end = time.time() + 30
    # The server knows it by its own clock or by the client's, whichever is first, and ends what it had begun.
    while ended() < before + 1:
        assert time.time() < end
        time.sleep(0.05)
    for thread in others:
        thread.join()
    assert c.infer("slow", x, timeout=60_000_000, client_timeout=60)


def departures():
    """Clients that go away before their answer: what they wanted is not computed."""
    before = counted("slow", "1", "apus_requests_total", "cancelled")
    request = messages.ModelInferRequest(model_name="slow", raw_input_contents=[np.ones(1, np.float32).tobytes()])
    request.inputs.add(name="x", datatype="FP32", shape=[1])
    for _ in range(4):
        channel = grpc.insecure_channel(ADDRESS)
        call = stubs.GRPCInferenceServiceStub(channel).ModelInfer.future(request)
        time.sleep(0.05)
        call.cancel()
        channel.close()
    end = time.time() + 30
    while counted("slow", "1", "apus_requests_total", "cancelled") < before + 4:
        assert time.time() < end, counted("slow", "1", "apus_requests_total", "cancelled") - before
        time.sleep(0.05)
    slow_call()


def ending():
    """The server is told to end while calls run and wait: each of them is answered. A stream that nobody ends doesn't hold it."""
    c = client()
    answers = queue.Queue()
    c.start_stream(lambda result, error: answers.put((result, error)))
    c.async_stream_infer("slow", [tensor("x", np.ones(1, np.float32))])
    assert answers.get(timeout=60)[1] is None
    started = threading.Barrier(5)

    def one(index):
        if index == 4:
            started.wait()
            time.sleep(0.2)
            os.kill(int(os.environ["APUS_SERVER_PID"]), signal.SIGTERM)
            return
        d = client()
        assert d.is_server_live()
        started.wait()
        d.infer("slow", [tensor("x", np.ones(1, np.float32))])

    results = at_once(5, one)
    assert results == ["OK"] * 5, results


def connections():
    """The server was told to serve ten: those beyond are closed, and what is no HTTP/2 harms nobody."""
    c = client()
    assert c.is_server_live()
    held = [socket.create_connection(("127.0.0.1", PORT), timeout=5) for _ in range(30)]
    closed = 0
    for s in held[::-1]:
        s.settimeout(0.2)
        try:
            while s.recv(4096):
                pass
            closed += 1
        except TimeoutError:
            pass
        except ConnectionError:
            closed += 1
    assert closed == 21, closed
    for s in held:
        s.close()
    end = time.time() + 30
    while True:
        try:
            assert client().is_server_live() and c.is_server_live()
            break
        except InferenceServerException:
            assert time.time() < end
            time.sleep(0.1)
    chance = random.Random(1)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for garbage in (b"\0" * 1000, b"GET / HTTP/1.1\r\n\r\n", preface + chance.randbytes(500), preface + b"\0\0\0\4\0\0\0\0\0" + b"\xff" * 300):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", PORT), timeout=5) as s:
                try:
                    s.sendall(garbage)
                    s.recv(4096)
                except OSError:
                    pass
    assert client().is_server_live()


def token():
    c = client()
    assert c.is_server_live() and c.is_server_ready()
    x = [tensor("x", X)]
    raises("UNAUTHENTICATED", lambda: c.infer("dense", x))
    for wrong in ("Bearer", "Bearer ", "Bearer secre", "Bearer secret1", "secret", "Basic secret"):
        raises("UNAUTHENTICATED", lambda: c.infer("dense", x, headers={"authorization": wrong}))
    raises("UNAUTHENTICATED", lambda: c.get_server_metadata())
    raises("UNAUTHENTICATED", lambda: c.unload_model("dense"))
    assert c.infer("dense", x, headers={"authorization": "Bearer secret"})


def tls():
    certificate = os.environ["APUS_SERVER_CERTIFICATE"]
    c = triton.InferenceServerClient(f"localhost:{PORT}", ssl=True, root_certificates=certificate)
    assert c.is_model_ready("dense")
    np.testing.assert_allclose(c.infer("dense", [tensor("x", X)]).as_numpy(output_of(c, "dense")), X * 2 + 1, rtol=1e-6)
    # Nothing is answered that is not encrypted.
    raises("UNAVAILABLE", lambda: stub().ServerLive(messages.ServerLiveRequest(), timeout=10))


if __name__ == "__main__":
    for check in sys.argv[2:]:
        globals()[check]()
        print(check, flush=True)
