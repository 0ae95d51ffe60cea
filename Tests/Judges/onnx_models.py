"""Models that people have, out of packages, on real inputs and with ONNX Runtime's answers; and quantised forms of them.

    python onnx_models.py FOLDER

The files are in the form of onnx_cases.py. `within` says how far from an answer a result may be, as a share of the largest answer: float32
models sum in another order; quantised ones may round a number to the next step, and carry that on."""
import importlib.util
import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime import quantization
from PIL import Image, ImageDraw
from safetensors.torch import save_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def package(name, *path):
    return os.path.join(os.path.dirname(importlib.util.find_spec(name).origin), *path)


def bytes_of(path):
    """What magika reads of a file: its first and last bytes, 256 where there are none."""
    with open(path, "rb") as file:
        content = file.read().strip()
    first, last = np.full(1024, 256, np.int32), np.full(1024, 256, np.int32)
    head, tail = np.frombuffer(content[:1024], np.uint8), np.frombuffer(content[-1024:], np.uint8)
    first[: len(head)] = head
    last[1024 - len(tail) :] = tail
    return np.concatenate([first, last])


def picture(width, height, lines):
    """Black text on white, channels first and between -1 and 1."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        draw.text((8, 4 + index * height // len(lines)), line, fill="black")
    return (np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255 - 0.5) / 0.5


class Once(quantization.CalibrationDataReader):
    """Inputs to find the ranges of numbers with."""

    def __init__(self, name, values):
        self.rest = [{name: value} for value in values]

    def get_next(self):
        return self.rest.pop() if self.rest else None


def models(folder):
    """Name, path, inputs, what is allowed."""
    files = ["README.md", "Makefile", "Package.swift", "Scripts/test", "Tests/Judges/onnx_models.py", "Sources/CApusKernels/pool/pool.c"]
    texts = np.stack([bytes_of(os.path.join(ROOT, file)) for file in files])
    magika = package("magika", "models", "standard_v3_3", "model.onnx")
    yield "magika", magika, texts, 1e-4
    detect, direct, read = (
        package("rapidocr_onnxruntime", "models", name + ".onnx")
        for name in ("ch_PP-OCRv4_det_infer", "ch_ppocr_mobile_v2.0_cls_infer", "ch_PP-OCRv4_rec_infer")
    )
    page = picture(320, 192, ["Every branch is traced,", "every guard is proved,", "and a file holds it all."])
    line = picture(192, 48, ["exported, saved, loaded"])
    yield "rapidocr-detection", detect, page, 1e-3
    yield "rapidocr-direction", direct, np.concatenate([line, line[:, :, ::-1, ::-1]]), 1e-3
    yield "rapidocr-recognition", read, picture(320, 48, ["Apus 2026"]), 1e-3
    # Weights in 8 bits, inputs as they come: DynamicQuantizeLinear, MatMulInteger, ConvInteger.
    dynamic = os.path.join(folder, "dynamic.onnx")
    quantization.quantize_dynamic(magika, dynamic)
    yield "magika-dynamic", dynamic, texts, 2e-2
    # All of it in 8 bits: QLinearConv and its like, and pairs of QuantizeLinear and DequantizeLinear.
    prepared = os.path.join(folder, "prepared.onnx")
    quantization.shape_inference.quant_pre_process(direct, prepared, skip_symbolic_shape=True)
    name = onnx.load(prepared).graph.input[0].name
    for kind in (quantization.QuantFormat.QOperator, quantization.QuantFormat.QDQ):
        path = os.path.join(folder, kind.name + ".onnx")
        quantization.quantize_static(prepared, path, Once(name, [line, line[:, :, ::-1, ::-1]]), quant_format=kind)
        yield "rapidocr-direction-" + kind.name, path, line, 5e-2
    rows = np.random.default_rng(5).integers(-5, 6, (40, 5)).astype(np.float32) / 2
    rows[::7, 2] = np.nan
    for name, model in forests():
        path = os.path.join(folder, "made-" + name + ".onnx")
        onnx.save(model, path)
        yield "trees-" + name, path, rows, 1e-5


def trees(kind, outputs, prefix, vote, depth=4, count=12, features=5, **attributes):
    """A model of random trees; `vote` gives what a leaf says to whom."""
    rng = np.random.default_rng(depth + count)
    columns = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    votes = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(count):
        # The last trees are uneven.
        nodes = 2 ** (depth if tree < count - 2 else depth - 1) - 1
        for node in range(2 * nodes + 1):
            inner = node < nodes
            modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
            mode = modes[0 if tree < count // 2 else rng.integers(6)] if inner else "LEAF"
            row = (tree, node, int(rng.integers(features)), float(rng.integers(-4, 5)) / 2, mode, 2 * node + 1 if inner else 0, 2 * node + 2 if inner else 0, int(rng.integers(2)))
            for name, value in zip(columns, row):
                columns[name].append(value)
            for target, weight in vote(rng, tree) if not inner else []:
                for name, value in zip(votes, (tree, node, target, weight)):
                    votes[name].append(value)
    given = {f"nodes_{name}": values for name, values in columns.items()} | {f"{prefix}_{name}": values for name, values in votes.items()}
    node = onnx.helper.make_node(kind, ["x"], [name for name, _ in outputs], domain="ai.onnx.ml", **given, **attributes)
    values = [onnx.helper.make_tensor_value_info(name, element, None) for name, element in outputs]
    entry = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", features])
    graph = onnx.helper.make_graph([node], "trees", [entry], values)
    sets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    return onnx.helper.make_model(graph, opset_imports=sets, ir_version=9)


def forests():
    """Regressors and classifiers as converters of scikit-learn, XGBoost and LightGBM write them."""
    number, label = ("y", onnx.TensorProto.FLOAT), ("label", onnx.TensorProto.INT64)
    each = lambda classes, sign: lambda rng, tree: [(c, sign(rng.standard_normal())) for c in range(classes)]
    same, positive = float, lambda x: float(abs(x)) / 20
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        yield f"regressor-{aggregate}", trees("TreeEnsembleRegressor", [number], "target", each(1, same), n_targets=1, aggregate_function=aggregate, base_values=[0.5])
    some = lambda rng, tree: [(int(c), float(rng.standard_normal())) for c in range(3) if rng.random() < 0.6]
    for aggregate, transform in (("SUM", "NONE"), ("MIN", "SOFTMAX"), ("MAX", "LOGISTIC"), ("AVERAGE", "SOFTMAX_ZERO")):
        yield f"regressor-of-three-{aggregate}", trees("TreeEnsembleRegressor", [number], "target", some, n_targets=3, aggregate_function=aggregate, post_transform=transform)
    for transform in ("NONE", "SOFTMAX", "LOGISTIC"):
        one = lambda rng, tree: [(tree % 4, float(rng.standard_normal()))]
        yield f"classifier-{transform}", trees("TreeEnsembleClassifier", [label, number], "class", one, classlabels_int64s=[3, 1, 4, 15], post_transform=transform, base_values=[0.1, 0.2, 0.3, 0.4])
        for sign in (same, positive):
            yield f"binary-{transform}-{sign(-1) < 0}", trees("TreeEnsembleClassifier", [label, number], "class", each(1, sign), classlabels_int64s=[0, 1], post_transform=transform, base_values=[0.05])
    yield "forest", trees("TreeEnsembleClassifier", [label, number], "class", each(3, positive), depth=9, count=30, classlabels_int64s=[0, 1, 2])
    second = lambda rng, tree: [(1, float(rng.standard_normal()))]
    yield "second-of-two", trees("TreeEnsembleClassifier", [label, number], "class", second, classlabels_int64s=[7, 8], post_transform="LOGISTIC")


def main(folder):
    os.makedirs(folder, exist_ok=True)
    cases = []
    for name, path, given, within in models(folder):
        model = onnx.load(path)
        options = onnxruntime.SessionOptions()
        # The plain meaning: what it fuses rounds quantised numbers in other places.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        entry = session.get_inputs()[0].name
        given = np.ascontiguousarray(given)
        answers = session.run(None, {entry: given})
        tensors = {"in.0": torch.from_numpy(given)} | {f"out.{i}": torch.from_numpy(x.copy()) for i, x in enumerate(answers)}
        onnx.save(model, os.path.join(folder, name + ".onnx"))
        save_file(tensors, os.path.join(folder, name + ".safetensors"))
        operators = sorted({node.op_type for node in model.graph.node})
        cases.append(
            {"name": name, "operator": " ".join(operators), "isExpanded": False, "inputs": [entry], "outputs": len(answers), "within": within}
        )
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump({"cases": cases, "without": {}}, file, indent=1)


main(sys.argv[1])
