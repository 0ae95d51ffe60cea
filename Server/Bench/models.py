"""The models of the load test, with sizes that calls may choose, for all servers: FOLDER/NAME.pt2 and FOLDER/onnx/NAME.onnx.

    models.py FOLDER
"""
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Benchmarks"))
import models as benchmarks


def write(folder, name, module, inputs, sizes):
    """A file that is there is kept: random weights of a fixed seed are the same each time."""
    onnx = folder / "onnx" / f"{name}.onnx"
    if onnx.exists():
        return
    module = benchmarks.settle(module).eval()
    program = torch.export.export(module, inputs, dynamic_shapes=sizes)
    torch.export.save(program, folder / f"{name}.pt2")
    torch.onnx.export(program, f=str(onnx), dynamo=True, opset_version=20, external_data=False, verbose=False)


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    benchmarks.prepare_torchvision()
    batch = torch.export.Dim("batch", min=1, max=64)
    length = torch.export.Dim("length", min=2, max=512)
    with torch.no_grad():
        torch.manual_seed(0)
        module, inputs = benchmarks.minilm(3, 17)
        write(folder, "minilm", module, inputs, ({0: batch, 1: length}, {0: batch, 1: length}))
        module, inputs = benchmarks.resnet18(3)
        write(folder, "resnet18", module, inputs, ({0: batch},))


if __name__ == "__main__":
    main()
