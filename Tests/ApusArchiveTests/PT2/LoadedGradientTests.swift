import ApusExport
import ApusProgram
import ApusTensor
import Foundation
import JudgeSupport
import Testing

@testable import ApusArchive

/// Gradients through programs from files.
@Suite struct LoadedGradientTests {
    private struct Judged: Decodable {
        let sizes: [Int]
        let x: [Double]
        let loss: Double
        let ofInput: [Double]
        let ofParameters: [String: [Double]]
    }

    /// PyTorch saves a small network of a dynamic batch, and prints inputs with its gradients.
    private static let script = """
        import json, sys, torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(2, 4, 3, padding=1)
                self.norm = nn.LayerNorm([4, 6, 6])
                self.out = nn.Linear(4 * 3 * 3, 5)
            def forward(self, x):
                y = torch.nn.functional.gelu(self.norm(self.conv(x)))
                y = torch.nn.functional.max_pool2d(y, 2).flatten(1)
                return torch.log_softmax(self.out(y), dim=-1)

        torch.manual_seed(3)
        net = Net().double()
        example = torch.randn(3, 2, 6, 6, dtype=torch.float64)
        program = torch.export.export(net, (example,), dynamic_shapes=({0: torch.export.Dim("n", min=2, max=9)},))
        torch.export.save(program, sys.argv[1])
        cases = []
        for n in [2, 5]:
            x = torch.randn(n, 2, 6, 6, dtype=torch.float64, requires_grad=True)
            net.zero_grad()
            loss = (net(x) ** 2).sum()
            loss.backward()
            cases.append({"sizes": list(x.shape), "x": x.flatten().tolist(), "loss": loss.item(), "ofInput": x.grad.flatten().tolist(),
                          "ofParameters": {k: p.grad.flatten().tolist() for k, p in net.named_parameters()}})
        print(json.dumps(cases))
        """

    @Test func areWhatPyTorchHasForTheProgramThatItSaved() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("gradient-\(UUID().uuidString).pt2")
        defer { try? FileManager.default.removeItem(at: file) }
        let printed = try Python.run(Self.script, [file.path])
        let cases = try JSONDecoder().decode([Judged].self, from: Data(printed.utf8))
        let program = try ExportedProgram.load(from: file.path)
        #expect(cases.count == 2)
        for judged in cases {
            let x = try Tensor(judged.x, shape: judged.sizes)
            let recorder = GradientRecorder()
            let parameters = program.stateDict.sorted { $0.key < $1.key }
            #expect(parameters.map(\.key) == judged.ofParameters.keys.sorted())
            let sources: [Tensor] = [x] + parameters.map(\.value)
            for source in sources { try recorder.watch(source) }
            let loss = try Interpreter.with(recorder) { () -> Tensor in
                let y: Tensor = try program(x)
                return try (y * y).sum()
            }
            #expect(abs(try loss.item(Double.self) - judged.loss) < 1e-9 * judged.loss)
            let expected: [[Double]] = [judged.ofInput] + parameters.map { judged.ofParameters[$0.key] ?? [] }
            for (gradient, expected) in zip(try recorder.gradients(of: loss, with: sources), expected) {
                let found = try #require(gradient).array(of: Double.self)
                #expect(found.count == expected.count)
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-9 * max(1, abs($1)) })
            }
        }
    }
}
