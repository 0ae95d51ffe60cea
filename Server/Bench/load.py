"""Load on loopback: apus-server beside FastAPI services of ONNX Runtime and PyTorch, in turns, with the same requests from wrk.

    load.py --server out/server/apus-server --output out/server-bench

Each service is started once with all models, and answers all requests once before it counts: the answers must agree with one another. Then, in
each round, every service gets the same load for some seconds, one after another. Of the rounds the best requests a second are told, with the latencies
and the processor's time of the server's processes in that round; and for each case how many times the better peer's requests ours are, of ours
those settings that have no worse a p99 where there are such.
"""
import argparse
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CORES = os.cpu_count()


def requests(model, count):
    """Requests as heads and bodies: sentences of 4 to 128 tokens, or images."""
    chance = np.random.default_rng(7)
    made = []
    for _ in range(count):
        if model == "minilm":
            length = int(chance.integers(4, 129))
            tokens = chance.integers(0, 30522, (1, length), np.int64)
            arrays = [("tokens", tokens, "INT64"), ("mask", np.ones_like(tokens), "INT64")]
        else:
            arrays = [("x", chance.standard_normal((1, 3, 224, 224), np.float32), "FP32")]
        inputs = [
            {"name": name, "shape": array.shape, "datatype": datatype, "parameters": {"binary_data_size": array.nbytes}}
            for name, array, datatype in arrays
        ]
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        made.append((len(head), head + b"".join(array.tobytes() for _, array, _ in arrays)))
    return made


def write(made, path):
    with open(path, "wb") as file:
        for head, body in made:
            file.write(f"{head} {len(body)}\n".encode() + body)


class Service:
    def __init__(self, name, port, command, environment=None):
        self.name, self.port = name, port
        self.is_ours = name.startswith("Apus")
        # A group of its own, so that its workers end with it.
        self.process = subprocess.Popen(
            command, env=os.environ | (environment or {}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def wait(self):
        end = time.time() + 120
        while time.time() < end and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/v2/health/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit(f"{self.name} does not serve")

    def answer(self, model, head, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", f"/v2/models/{model}/infer", body, {"Inference-Header-Content-Length": str(head)})
        response = connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise SystemExit(f"{self.name}, {model}: {response.status} {data[:300]}")
        length = int(response.headers["Inference-Header-Content-Length"])
        (output,) = json.loads(data[:length])["outputs"]
        return np.frombuffer(data[length:], np.float32).reshape(output["shape"])

    def seconds(self):
        """The processor's time of the group."""
        ticks = 0
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == self.process.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def end(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)

    def load(self, model, path, clients, seconds):
        before = self.seconds()
        # One thread of wrk keeps up with any of these.
        result = subprocess.run(
            ["wrk", "--threads", "1", "--connections", str(clients), "--duration", f"{seconds}s", "--timeout", "60s", "--script",
             str(HERE / "requests.lua"), f"http://127.0.0.1:{self.port}", "--", f"/v2/models/{model}/infer", path],
            capture_output=True, text=True, check=True)
        numbers = json.loads(result.stdout.strip().splitlines()[-1])
        if numbers["bad"] or numbers["broken"]:
            raise SystemExit(f"{self.name}, {model}, {clients} clients: {numbers}")
        numbers["rate"] = numbers["requests"] / numbers["seconds"]
        numbers["cpu"] = (self.seconds() - before) / max(numbers["requests"], 1) * 1e3
        return numbers


def services(arguments, models):
    def peer(name, port, runtime, workers):
        threads = max(CORES // workers, 1)
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(HERE), "--port", str(port), "--workers", str(workers),
                   "--log-level", "error", "--no-access-log", "peer:app"]
        environment = {"RUNTIME": runtime, "MODELS": str(models), "THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        return Service(name, port, command, environment)

    def ours(name, port, *options):
        return Service(name, port, [arguments.server, "--models", str(models), "--port", str(port), "--grpc-port", "0",
                                    "--poll-seconds", "0", *options])

    several = ["--concurrency", str(CORES), "--threads", "1"]
    return [
        ours("Apus", 18000), ours(f"Apus, {CORES} runs of 1 thread", 18001, *several),
        peer("ONNX Runtime", 18002, "ort", 1), peer(f"ONNX Runtime, {CORES} workers", 18003, "ort", CORES),
        peer("PyTorch", 18004, "torch", 1), peer(f"PyTorch, {CORES} workers", 18005, "torch", CORES),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--models", default="minilm,resnet18")
    arguments = parser.parse_args()
    models = arguments.output / "models"
    subprocess.run([sys.executable, HERE / "models.py", models], check=True)
    names, counts = arguments.models.split(","), [int(count) for count in arguments.clients.split(",")]
    made = {name: requests(name, 64 if name == "minilm" else 16) for name in names}
    for name in names:
        write(made[name], arguments.output / f"{name}.requests")
    running = services(arguments, models)
    best = {}
    try:
        for service in running:
            service.wait()
        for name in names:
            for head, body in made[name]:
                first, *others = [service.answer(name, head, body) for service in running]
                for other in others:
                    np.testing.assert_allclose(first, other, rtol=1e-3, atol=1e-3)
        for _ in range(arguments.rounds):
            for name in names:
                for clients in counts:
                    for service in running:
                        numbers = service.load(name, str(arguments.output / f"{name}.requests"), clients, arguments.seconds)
                        key = (name, clients, service.name)
                        if key not in best or numbers["rate"] > best[key]["rate"]:
                            best[key] = numbers
    finally:
        for service in running:
            service.end()
    for name in names:
        for clients in counts:
            print(f"\n{name}, {clients} client{'s' if clients > 1 else ''}\n{'':28}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'CPU ms/request':>16}")
            of = {service.name: best[name, clients, service.name] for service in running}
            for title, n in of.items():
                print(f"  {title:26}{n['rate']:12.1f}{n['p50']:10.2f}{n['p99']:10.2f}{n['cpu']:16.2f}")
            peer = max((of[s.name] for s in running if not s.is_ours), key=lambda n: n["rate"])
            mine = [of[s.name] for s in running if s.is_ours]
            mine = max([n for n in mine if n["p99"] <= peer["p99"]] or mine, key=lambda n: n["rate"])
            print(f"  {mine['rate'] / peer['rate']:.2f} times the better peer; p99 {mine['p99'] / peer['p99']:.2f} of its")
    results = {" / ".join(map(str, key)): numbers for key, numbers in best.items()}
    (arguments.output / "load.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
