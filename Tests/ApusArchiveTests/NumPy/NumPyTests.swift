import ApusTensor
import Testing

@testable import ApusArchive

/// The bytes of a tensor in row-major order, as hexadecimal digits.
func hexadecimal(_ tensor: Tensor) throws -> String {
    try tensor.bytesToWrite().withUnsafeBytes { bytes in
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}

/// Every dtype with values that have different bytes.
func sampleTensors() throws -> [String: Tensor] {
    let floats = try Tensor([-1.5, 0, 2, 3.25, 1e-3, 65504] as [Double], shape: [2, 3])
    var tensors: [String: Tensor] = [:]
    for dtype in DType.allCases {
        tensors["\(dtype)"] = dtype == .bool ? try Tensor([true, false, true], shape: [3]) : try floats.to(dtype)
    }
    tensors["scalar"] = try Tensor([7] as [Float], shape: [])
    tensors["empty"] = try Tensor([] as [Int], shape: [0, 4])
    tensors["transposed"] = try floats.to(.float32).transposed(0, 1)
    return tensors
}

@Suite("npy and npz, judged by NumPy")
struct NumPyTests {
    private static let describe = """
        def describe(a):
            return f"{a.dtype.newbyteorder('=').name} {list(a.shape)} {np.ascontiguousarray(a).astype(a.dtype.newbyteorder('<')).tobytes().hex()}"
        """

    private func describe(_ tensor: Tensor) throws -> String { "\(tensor.dtype) \(try tensor.sizes) \(try hexadecimal(tensor))" }

    @Test("NumPy reads what Apus writes: every dtype, scalars, empty and transposed tensors")
    func writing() throws {
        let folder = try TemporaryFolder()
        var tensors = try sampleTensors()
        tensors["bfloat16"] = nil
        for (name, tensor) in tensors { try tensor.save(npy: folder.file(name + ".npy")) }
        try tensors.save(npz: folder.file("all.npz"))
        let output = try Python.run(
            """
            import sys, numpy as np
            \(Self.describe)
            with np.load(sys.argv[1] + "/all.npz", allow_pickle=False) as z:
                for name in sys.argv[2:]:
                    one = np.load(f"{sys.argv[1]}/{name}.npy", allow_pickle=False)
                    assert describe(one) == describe(z[name]), name
                    print(describe(one))
            """, [folder.path] + tensors.keys.sorted())
        let expected = try tensors.keys.sorted().map { try describe(try #require(tensors[$0])) }
        #expect(output.split(separator: "\n").map(String.init) == expected)
    }

    @Test("Apus reads what NumPy writes: either byte order, column-major, versions, compressed")
    func reading() throws {
        let folder = try TemporaryFolder()
        let output = try Python.run(
            """
            import sys, numpy as np
            \(Self.describe)
            rng = np.random.default_rng(0)
            arrays = {}
            for code in ["?", "u1", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8", "<c16", ">c16"]:
                values = rng.normal(size=(3, 4, 2)) * 50
                for order in "CF":
                    arrays[f"{order}{len(arrays)}"] = np.array(values, dtype=np.dtype(code), order=order)
            arrays["scalar"] = np.float32(3)
            arrays["empty"] = np.zeros((0, 3), dtype=np.int64)
            arrays["one"] = np.arange(5.0)
            np.savez(sys.argv[1] + "/stored.npz", **arrays)
            np.savez_compressed(sys.argv[1] + "/deflated.npz", **arrays)
            for name in sorted(arrays):
                with open(f"{sys.argv[1]}/{name}.npy", "wb") as f:
                    np.lib.format.write_array(f, np.asanyarray(arrays[name]), version=(1 + len(name) % 3, 0))
                print(name, describe(np.asanyarray(arrays[name])))
            """, [folder.path])
        let expected = output.split(separator: "\n").map(String.init)
        for archive in ["stored.npz", "deflated.npz"] {
            let tensors = try [String: Tensor].load(npz: folder.file(archive))
            #expect(try tensors.keys.sorted().map { "\($0) \(try describe(try #require(tensors[$0])))" } == expected)
        }
        for line in expected {
            let name = String(line.prefix { $0 != " " })
            #expect("\(name) \(try describe(try Tensor.load(npy: folder.file(name + ".npy"))))" == line)
        }
    }

    @Test("A loaded array is the file's own memory, and survives the file's replacement")
    func mapped() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.npy")
        try Tensor([1, 2, 3] as [Float], shape: [3]).save(npy: path)
        let first = try Tensor.load(npy: path)
        #expect(first.storage.isWritable == false)
        try Tensor([4, 5, 6] as [Float], shape: [3]).save(npy: path)
        #expect(try first.array(of: Float.self) == [1, 2, 3])
        #expect(try Tensor.load(npy: path).array(of: Float.self) == [4, 5, 6])
        var changed = first
        try changed += 1
        #expect(try changed.array(of: Float.self) == [2, 3, 4])
        #expect(try first.array(of: Float.self) == [1, 2, 3])
    }

    @Test("bfloat16 is refused with the reason, and leaves nothing behind")
    func bfloat16() throws {
        let folder = try TemporaryFolder()
        let tensor = try Tensor([1] as [Float], shape: [1]).to(.bfloat16)
        let reason = "NumPy has no bfloat16: convert to float32 first, or save as safetensors, which has it"
        #expect(archiveError(.notRepresentable) { try tensor.save(npy: folder.file("a.npy")) }?.reason == reason)
        let error = archiveError(.notRepresentable) { try ["x": tensor].save(npz: folder.file("a.npz")) }
        #expect(error?.description == "\(folder.file("a.npz")): x: \(reason)")
        #expect(try folder.contents == [])
    }

    @Test("Bytes that are no truth values become ones")
    func odd() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.npy")
        try Tensor([true, false, true], shape: [3]).save(npy: path)
        var bytes = try folder.read("a.npy")
        bytes[bytes.count - 1] = 0xa7
        try folder.write(bytes, to: "a.npy")
        #expect(try hexadecimal(Tensor.load(npy: path)) == "010001")
    }
}
