"""Checks models, runs them, and writes what they gave.

    python check_onnx.py (MODEL.onnx INPUTS.safetensors OUTPUTS.safetensors)...

Each model must pass `onnx.checker` with inferred shapes. ONNX Runtime runs it; where it has no kernel for a type, which is a gap of its own, ONNX's
reference runs it instead. Inputs are called "<call>.in.<n>", in the order of the model's inputs without a default; outputs
"<call>.out.<n>". A result "NAME.updated" is the value of the input NAME in the next call.

Prints a line for each model that fails, "<model> <call>: <type>: <text>", and one for each that the reference ran, "# <model>: <reason>"."""
import os
import sys
import warnings

warnings.simplefilter("ignore")
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from safetensors.numpy import load_file, save_file
import torch
from safetensors.torch import load_file as load_torch

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.log_severity_level = 4
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC


def text(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"


def in_float32(model):
    """The model with float32 in the place of bfloat16 at its edges, which NumPy lacks; no bit is lost."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    graph = wide.graph
    before, behind = [], []
    for value in graph.input:
        if value.type.tensor_type.elem_type == TensorProto.BFLOAT16 and value.name not in {tensor.name for tensor in graph.initializer}:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
            before.append(helper.make_node("Cast", [value.name + ":wide"], [value.name], to=TensorProto.BFLOAT16))
            value.name += ":wide"
    for value in graph.output:
        if value.type.tensor_type.elem_type == TensorProto.BFLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
            behind.append(helper.make_node("Cast", [value.name], [value.name + ":wide"], to=TensorProto.FLOAT))
            value.name += ":wide"
    nodes = before + list(graph.node) + behind
    del graph.node[:]
    graph.node.extend(nodes)
    return wide, bool(before or behind)


def runner(path, name):
    """What runs a model, given its inputs by name."""
    onnx.checker.check_model(path, full_check=True)
    model, is_wide = in_float32(onnx.load(path))
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString() if is_wide else path, options, providers=["CPUExecutionProvider"])
        return model, lambda feeds: session.run(None, feeds)
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        print(f"# {name}: {text(error)}")
        reference = ReferenceEvaluator(model)
        return model, lambda feeds: reference.run(None, feeds)


def run(path, inputs, outputs):
    name = os.path.basename(path).removesuffix(".onnx")
    try:
        model, evaluate = runner(path, name)
    except Exception as error:
        print(f"{name} load: {text(error)}")
        return
    tensors = {
        key: value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy() for key, value in load_torch(inputs).items()}
    defaults = {tensor.name for tensor in model.graph.initializer}
    asked = [value.name for value in model.graph.input if value.name not in defaults]
    given = [value.name for value in model.graph.output]
    state, results = {}, {}
    for call in sorted({int(key.split(".")[0]) for key in tensors}) or ([] if asked else [0]):
        feeds = {key: tensors[f"{call}.in.{index}"] for index, key in enumerate(asked)}
        try:
            found = evaluate({**feeds, **state})
        except Exception as error:
            print(f"{name} {call}: {text(error)}")
            continue
        for index, (key, value) in enumerate(zip(given, found)):
            if key.endswith(".updated"):
                state[key.removesuffix(".updated")] = value
            results[f"{call}.out.{index}"] = np.ascontiguousarray(value).reshape(np.shape(value))
    save_file(results, outputs)


for start in range(1, len(sys.argv), 3):
    run(*sys.argv[start:start + 3])
