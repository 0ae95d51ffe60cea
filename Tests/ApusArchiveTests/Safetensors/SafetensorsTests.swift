import ApusTensor
import Testing

@testable import ApusArchive

@Suite("safetensors, judged by its Python library")
struct SafetensorsTests {
    private static let describe = """
        def describe(t):
            t = t.contiguous()
            data = t.reshape(-1).view(torch.uint8).numpy().tobytes().hex() if t.numel() else ""
            return f"{str(t.dtype).removeprefix('torch.')} {list(t.shape)} {data}"
        """

    private func describe(_ tensor: Tensor) throws -> String { "\(tensor.dtype) \(try tensor.sizes) \(try hexadecimal(tensor))" }

    @Test("Python reads what Apus writes, metadata included")
    func writing() throws {
        let folder = try TemporaryFolder()
        var tensors = try sampleTensors()
        tensors["complex128"] = nil
        let path = folder.file("a.safetensors")
        try tensors.save(safetensors: path, metadata: ["format": "pt", "ä": "\"ö\"\n"])
        let output = try Python.run(
            """
            import sys, torch
            from safetensors import safe_open
            \(Self.describe)
            with safe_open(sys.argv[1], "pt") as f:
                print(f.metadata()["ä"] == '"ö"\\n')
                for name in sorted(f.keys()): print(name, describe(f.get_tensor(name)))
            """, [path])
        let expected = try tensors.keys.sorted().map { "\($0) \(try describe(try #require(tensors[$0])))" }
        #expect(output.split(separator: "\n").map(String.init) == ["True"] + expected)
    }

    @Test("Apus reads what Python writes, mapped")
    func reading() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.safetensors")
        let output = try Python.run(
            """
            import sys, torch
            from safetensors.torch import save_file
            \(Self.describe)
            torch.manual_seed(0)
            tensors = {str(d).removeprefix("torch."): (torch.randn(3, 5) * 20).to(d) for d in [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32,
                       torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64]}
            tensors["scalar"] = torch.tensor(2.5)
            tensors["empty"] = torch.zeros(2, 0)
            save_file(tensors, sys.argv[1], metadata={"k": "v"})
            for name in sorted(tensors): print(name, describe(tensors[name]))
            """, [path])
        let tensors = try [String: Tensor].load(safetensors: path)
        #expect(
            try tensors.keys.sorted().map { "\($0) \(try describe(try #require(tensors[$0])))" }
                == output.split(separator: "\n").map(String.init))
        #expect(try [String: Tensor].metadata(safetensors: path) == ["k": "v"])
        #expect(tensors["float32"]?.storage.isWritable == false)
    }

    @Test("What the format lacks is refused, and nothing is left behind")
    func refused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.safetensors")
        let complex = try Tensor([1] as [Double], shape: [1]).to(.complex128)
        #expect(
            archiveError(.notRepresentable) { try ["x": complex].save(safetensors: path) }?.description
                == "\(path): x: safetensors has no complex128: save its real and imaginary parts, or use npz")
        let plain = try Tensor([1] as [Float], shape: [1])
        #expect(
            archiveError(.notRepresentable) { try ["__metadata__": plain].save(safetensors: path) }?.description
                == "\(path): __metadata__: this name is reserved by the format")
        #expect(try folder.contents == [])
    }
}
