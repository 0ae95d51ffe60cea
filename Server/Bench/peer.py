"""A service as one writes it with FastAPI: a model of ONNX Runtime or PyTorch behind the protocol's inference request with binary tensors.

    RUNTIME=ort|torch MODELS=FOLDER THREADS=2 uvicorn peer:app

It takes and gives bytes, which is the fastest that Python has: numbers of an image as JSON would take longer than the model.
"""
import json
import os
import pathlib

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

DTYPES = {"FP32": np.float32, "INT64": np.int64}
FOLDER = pathlib.Path(os.environ["MODELS"])
THREADS = int(os.environ.get("THREADS", "0"))


def onnx_runtime(name):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(FOLDER / "onnx" / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays)))[0]


def pytorch(name):
    import torch

    if THREADS:
        torch.set_num_threads(THREADS)
    module = torch.export.load(FOLDER / f"{name}.pt2").module()

    def run(arrays):
        with torch.inference_mode():
            return module(*(torch.from_numpy(array) for array in arrays)).numpy()

    return run


make = {"ort": onnx_runtime, "torch": pytorch}[os.environ["RUNTIME"]]
MODELS = {path.stem: make(path.stem) for path in sorted(FOLDER.glob("*.pt2"))}
app = FastAPI()


def answer(name, body, length):
    arrays, place = [], length
    for entry in json.loads(body[:length])["inputs"]:
        size = entry["parameters"]["binary_data_size"]
        # A copy, since what is received can't be written to, which PyTorch warns of.
        arrays.append(np.frombuffer(body, DTYPES[entry["datatype"]], size // DTYPES[entry["datatype"]]().itemsize, place).reshape(entry["shape"]).copy())
        place += size
    result = MODELS[name](arrays)
    data = result.tobytes()
    output = {"name": "output", "datatype": "FP32", "shape": result.shape, "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"model_name": name, "outputs": [output]}).encode()
    return Response(
        head + data, media_type="application/octet-stream", headers={"Inference-Header-Content-Length": str(len(head))})


@app.post("/v2/models/{name}/infer")
async def infer(name: str, request: Request):
    body = await request.body()
    return await run_in_threadpool(answer, name, body, int(request.headers["inference-header-content-length"]))


@app.get("/v2/health/ready")
def ready():
    return {}
