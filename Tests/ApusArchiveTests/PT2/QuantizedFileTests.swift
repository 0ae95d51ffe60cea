import ApusProgram
import ApusTensor
import Foundation
import JudgeSupport
import Testing

@testable import ApusArchive

/// Programs that PyTorch quantised, as its pt2e and torchao flows write them: they give what PyTorch gives, and products read the weights as
/// they are stored.
@Suite struct QuantizedFileTests {
    /// Exports each model with its input and its own results. torchao itself is not needed: its weight-only form is plain operators, and of its
    /// own operators only the schema matters for a file.
    private static let script = """
        import sys, torch
        import torch.ao.quantization.fx._decomposed
        from safetensors.torch import save_file
        q = torch.ops.quantized_decomposed
        torch.manual_seed(5)

        def stored(n, k, groups=1):
            return torch.randint(-127, 128, (n, k), dtype=torch.int8), torch.rand(n, groups) * 0.01 + 0.001

        class Base(torch.nn.Module):
            def __init__(self, groups=1):
                super().__init__()
                for name, (n, k) in dict(a=(96, 64), b=(32, 96)).items():
                    levels, scales = stored(n, k, groups)
                    self.register_buffer(name, levels)
                    self.register_buffer(name + "_scale", scales if groups > 1 else scales[:, 0].contiguous())
                    self.register_buffer(name + "_zero", torch.zeros(n, groups, dtype=torch.int64).squeeze(1))
                    self.register_buffer(name + "_bias", torch.randn(n))

        class Static(Base):
            def weight(self, name):
                return q.dequantize_per_channel(getattr(self, name), getattr(self, name + "_scale"), getattr(self, name + "_zero"), 0, -128, 127, torch.int8)
            def around(self, x, scale, zero):
                return q.dequantize_per_tensor(q.quantize_per_tensor(x, scale, zero, 0, 255, torch.uint8), scale, zero, 0, 255, torch.uint8)
            def forward(self, x):
                y = torch.nn.functional.linear(self.around(x, 0.03, 128), self.weight("a"), self.a_bias).relu()
                return torch.nn.functional.linear(self.around(y, 0.05, 0), self.weight("b"), self.b_bias)

        class Dynamic(Static):
            def around(self, x, scale, zero):
                s, z = q.choose_qparams.tensor(x, 0, 255, 0.000244140625, torch.uint8)
                return q.dequantize_per_tensor.tensor(q.quantize_per_tensor.tensor(x, s, z, 0, 255, torch.uint8), s, z, 0, 255, torch.uint8)

        class Asymmetric(Static):
            def __init__(self):
                super().__init__()
                self.a_zero = torch.randint(-9, 9, (96,))
                self.a = torch.randint(-100, 100, (96, 64), dtype=torch.int8)
                self.b_zero = torch.full((32,), 127)

        class PerTensor(Static):
            def weight(self, name):
                return q.dequantize_per_tensor(getattr(self, name), 0.004, 0, -128, 127, torch.int8)

        class Groups(Static):
            def __init__(self): super().__init__(4)
            def weight(self, name):
                w = getattr(self, name)
                return q.dequantize_per_channel_group(w, getattr(self, name + "_scale"), None, -128, 127, torch.int8, w.shape[1] // 4, torch.float32)

        class WeightOnly(Base):
            def product(self, x, name):
                y = torch.mm(x, getattr(self, name).t().to(x.dtype)) * getattr(self, name + "_scale").to(torch.float32).flatten()
                return y + getattr(self, name + "_bias")
            def forward(self, x): return self.product(self.product(x, "a").relu(), "b")

        class Integers(Base):
            def forward(self, x):
                s = x.abs().amax(1, keepdim=True) / 127
                y = torch._int_mm((x / s).round().to(torch.int8), self.a.t())
                return y.to(torch.float32) * s * self.a_scale

        # Without VNNI, PyTorch's own sums of larger levels saturate at 16 bits.
        integers = Integers()
        integers.a.div_(2, rounding_mode="trunc")
        models = dict(static=Static(), dynamic=Dynamic(), asymmetric=Asymmetric(), tensor=PerTensor(), groups=Groups(), only=WeightOnly(), integers=integers)
        x = torch.randn(18, 64)
        for name, model in models.items():
            exported = torch.export.export(model.eval(), (x,))
            torch.export.save(exported, f"{sys.argv[1]}/{name}.pt2")
            save_file({"in": x, "out": exported.module()(x).contiguous()}, f"{sys.argv[1]}/{name}.safetensors")
            print(name)
        """

    @Test func theyGiveWhatPyTorchGives() throws {
        let folder = try TemporaryFolder()
        let names = try Python.run(Self.script, [folder.file("")]).split(separator: "\n").map(String.init)
        #expect(names.count == 7)
        for name in names {
            let program = try ExportedProgram.load(from: folder.file("\(name).pt2"))
            let tensors = try [String: Tensor].load(safetensors: folder.file("\(name).safetensors"))
            let (x, wanted) = (try #require(tensors["in"]), try #require(tensors["out"]))
            for passes in [[], ["linear", "reduced-weights", "pack-weights"]] {
                let result = try program.skipping(passes).run([x])[0]
                let item = try ResultComparison("out", result, wanted, relativeTolerance: 1e-4, absoluteTolerance: 1e-4)
                // A last bit may make a level of an activation another one.
                let steps = ["static", "dynamic", "asymmetric", "tensor", "groups"].contains(name)
                #expect(steps ? item.meanError < 1e-2 && item.largestError < 1 : item.passed, "\(name): \(item)")
            }
            let products = try program.loweredText(for: [x]).components(separatedBy: "packed apus::reduced_linear").count - 1
            #expect(products == (name == "integers" ? 0 : 2), "\(name)")
            // Saved and opened again it is the same program.
            try program.save(to: folder.file("again.pt2"))
            let again = try ExportedProgram.load(from: folder.file("again.pt2")).run([x])[0]
            #expect(try again.holdsSameBytes(as: program.run([x])[0]), "\(name)")
        }
    }
}
