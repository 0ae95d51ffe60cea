"""The runtimes that run the models of models.py, each with its usual settings for one caller: so many threads, float32 throughout.

A runtime has a `version`; `imports(name)` loads what is code and not model, so that memory can be told apart; and `load(name)` gives
the work to be timed, which returns the model's answers.
"""
import pathlib

from safetensors.numpy import load_file


class Runtime:
    def __init__(self, folder, threads):
        self.folder, self.threads = pathlib.Path(folder), threads

    def imports(self, name):
        pass

    def inputs(self, name):
        return numbered(load_file(self.folder / f"{name}.inputs.safetensors"))

    def expected(self, name):
        return numbered(load_file(self.folder / f"{name}.expected.safetensors"))


def numbered(tensors):
    """The tensors named in.0, in.1 ... in their order."""
    return [tensors[name] for name in sorted(tensors, key=lambda name: int(name.split(".")[1]))]


class PyTorch(Runtime):
    """The module itself, eager: not what was exported of it."""

    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import torch

        import models

        models.prepare_torchvision()
        self.torch, self.models, self.version = torch, {model.name: model for model in models.MODELS}, torch.__version__
        torch.set_num_threads(threads)

    def imports(self, name):
        # Made without memory, what the model imports is here before the model is.
        with self.torch.device("meta"):
            self.models[name].make()

    def load(self, name):
        module, inputs = self.models[name].build()

        def work():
            with self.torch.inference_mode():
                return module(*inputs)

        return work


class OnnxRuntime(Runtime):
    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import onnxruntime

        self.runtime, self.version = onnxruntime, onnxruntime.__version__

    def load(self, name):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        session = self.runtime.InferenceSession(self.folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
        # Values of its own on both ends: nothing is converted in a call.
        values = [self.runtime.OrtValue.ortvalue_from_numpy(value) for value in self.inputs(name)]
        feeds = dict(zip((put.name for put in session.get_inputs()), values, strict=True))
        outputs = [put.name for put in session.get_outputs()]
        return lambda: session.run_with_ort_values(outputs, feeds)


class OpenVino(Runtime):
    def __init__(self, folder, threads):
        super().__init__(folder, threads)
        import openvino

        self.runtime, self.version = openvino, openvino.__version__.split("-")[0]

    def load(self, name):
        # One stream of calls, and no shorter floats where the processor has them.
        settings = {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": self.threads,
            "INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"}
        compiled = self.runtime.Core().compile_model(self.folder / f"{name}.onnx", "CPU", settings)
        request = compiled.create_infer_request()
        inputs = [self.runtime.Tensor(value) for value in self.inputs(name)]
        for index, value in enumerate(inputs):
            request.set_input_tensor(index, value)

        def work(outputs=range(len(compiled.outputs)), kept=inputs):
            request.start_async()
            request.wait()
            return [request.get_output_tensor(index).data for index in outputs]

        return work


RUNTIMES = {"pytorch": PyTorch, "onnxruntime": OnnxRuntime, "openvino": OpenVino}


def leaves(answer):
    """The arrays in a runtime's answer, in order."""
    if isinstance(answer, (list, tuple)):
        return [leaf for part in answer for leaf in leaves(part)]
    return [answer.numpy() if hasattr(answer, "numpy") else answer]


def difference(answers, expected):
    """Why these are not the expected answers; None where they are, but for rounding."""
    if len(answers) != len(expected):
        return f"{len(answers)} answers for {len(expected)}"
    for index, (one, other) in enumerate(zip(answers, expected)):
        if one.shape != other.shape:
            return f"answer {index} has the shape {list(one.shape)}, not {list(other.shape)}"
        largest = abs(one - other).max() / max(abs(other).max(), 1e-30)
        if not largest < 1e-3:
            return f"answer {index} differs by {largest:.2g} of its largest value"
    return None
