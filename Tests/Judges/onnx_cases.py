"""ONNX's own backend tests as files: models with inputs and answers, for the tests of the .onnx reader.

    python onnx_cases.py FOLDER [--only REGEX]

For every case NAME: NAME.onnx and NAME.safetensors, which holds "in.<n>" and "out.<n>" in the types that hold them in Apus: element types that
Apus lacks are widened. index.json lists the cases with their operator, and those that have no such files: they hold texts, take sequences,
or train."""
import argparse
import json
import os
import re
import sys
import warnings

warnings.simplefilter("ignore")
import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from safetensors.torch import save_file

# What holds the elements of types that are not NumPy's own, or not Apus's.
WIDER = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64, "int4": np.int8, "int2": np.int8, "uint4": np.uint8, "uint2": np.uint8}


def widened(value):
    """A value as a tensor that safetensors has; None for one that is no tensor of numbers."""
    if isinstance(value, TensorProto):
        value = numpy_helper.to_array(value)
    array = np.ascontiguousarray(value)
    if np.ndim(value) == 0:
        array = array.reshape(())
    name = array.dtype.name
    if name == "bfloat16":
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    if name.startswith("float8") or name.startswith("float4"):
        return torch.from_numpy(array.astype(np.float32))
    if name in WIDER:
        return torch.from_numpy(array.astype(WIDER[name]))
    if array.dtype.kind in "biuf":
        return torch.from_numpy(array.copy())
    return None


def flattened(values):
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flattened(value)
        else:
            yield value


def operator(model, name):
    """The operator that a case is about: that of the node, or the one whose body is written out."""
    nodes = [(node.domain + "." if node.domain else "") + node.op_type for node in model.graph.node]
    if name.endswith("_expanded") or "_expanded_" in name:
        return None
    return nodes[-1] if len(set(nodes)) > 1 else nodes[0] if nodes else ""


def outside(model, inputs):
    """Why a case is none of a reader of tensors; empty for all others."""
    if any(node.domain == "ai.onnx.preview.training" for node in model.graph.node):
        return "training"
    kinds = [value.type.WhichOneof("value") for value in model.graph.input]
    if any(kind == "sequence_type" for kind in kinds) or any(
        value.type.optional_type.elem_type.WhichOneof("value") == "sequence_type" for value in model.graph.input
    ):
        return "sequence"
    everything = list(model.graph.input) + list(model.graph.output)
    if any(value.type.tensor_type.elem_type == TensorProto.STRING for value in everything) or any(
        value.type.sequence_type.elem_type.tensor_type.elem_type == TensorProto.STRING for value in everything
    ):
        return "texts"
    if any(value is None for value in inputs):
        return "nothing"
    return ""


def within(model, inputs, outputs):
    """The values of a cast from floating point to integers, with zero for each number that the integers do not hold: ONNX leaves open what
    becomes of those, and the answers of its tests, which NumPy makes, are others in other versions."""
    goal = onnx.helper.tensor_dtype_to_np_dtype(model.graph.output[0].type.tensor_type.elem_type)
    source, answer = numpy_helper.to_array(inputs[0]), numpy_helper.to_array(outputs[0])
    if not np.issubdtype(source.dtype, np.floating) or not (np.issubdtype(goal, np.integer) or goal.name in WIDER):
        return inputs, outputs
    limits = ml_dtypes.iinfo(goal)
    held = (source > int(limits.min) - 1) & (source < int(limits.max) + 1)
    return [np.where(held, source, 0).astype(source.dtype), *inputs[1:]], [np.where(held, answer.astype(np.int64), 0).astype(goal)]


def folders(root):
    """The cases that lie as folders beside the node tests: simple graphs, and what PyTorch's exporters wrote."""
    for kind in ["simple", "pytorch-operator", "pytorch-converted"]:
        base = os.path.join(root, kind)
        for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
            model = onnx.load(os.path.join(base, name, "model.onnx"))
            data = os.path.join(base, name, "test_data_set_0")
            if not os.path.isdir(data):
                continue

            def values(prefix, infos):
                result = []
                for index, info in enumerate(infos):
                    path = os.path.join(data, f"{prefix}_{index}.pb")
                    if info.type.WhichOneof("value") != "tensor_type" or not os.path.exists(path):
                        return None
                    with open(path, "rb") as file:
                        tensor = TensorProto()
                        tensor.ParseFromString(file.read())
                    result.append(tensor)
                return result

            given = {tensor.name for tensor in model.graph.initializer}
            inputs = values("input", [info for info in model.graph.input if info.name not in given])
            yield kind, name, model, inputs, values("output", model.graph.output)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    cases, without = [], {}
    all_cases = [("node", case.name, case.model, *case.data_sets[0]) for case in collect_testcases(None)]
    names = {name for _, name, *_ in all_cases}
    all_cases += folders(os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data"))
    operators = {}
    for kind, name, model, inputs, outputs in all_cases:
        if arguments.only and not re.search(arguments.only, name):
            continue
        if inputs is None or outputs is None:
            without["sequence"] = without.get("sequence", 0) + 1
            continue
        reason = outside(model, inputs)
        about = operator(model, name) if kind == "node" else kind
        operators[name] = about
        if about is None:
            about = operators.get(re.sub(r"_expanded(_ver\d+)?$", "", name), "") or "others"
        if not reason and about in ("Cast", "CastLike"):
            inputs, outputs = within(model, inputs, outputs)
        tensors = {}
        for index, value in enumerate(inputs):
            tensors[f"in.{index}"] = None if reason else widened(value)
        results = list(flattened(outputs))
        for index, value in enumerate(results):
            tensors[f"out.{index}"] = None if reason else widened(value)
        if not reason and any(tensor is None for tensor in tensors.values()):
            reason = "texts"
        if reason:
            without[reason] = without.get(reason, 0) + 1
            continue
        stem = name if kind == "node" else f"{kind}-{name}"
        onnx.save(model, os.path.join(arguments.folder, stem + ".onnx"))
        save_file(tensors, os.path.join(arguments.folder, stem + ".safetensors"))
        given = {tensor.name for tensor in model.graph.initializer}
        cases.append(
            {
                "name": stem,
                "operator": about,
                "isExpanded": "_expanded" in name,
                "inputs": [info.name for info in model.graph.input if info.name not in given][: len(inputs)],
                "outputs": len(results),
            }
        )
    with open(os.path.join(arguments.folder, "index.json"), "w") as file:
        json.dump({"cases": cases, "without": without}, file, indent=1)
    print(len(cases), without, len(names))


sys.exit(main())
