import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

@Suite("Programs that PyTorch saved")
struct TorchProgramTests {
    /// Runs every call of a program on one loaded instance, so that its buffers carry over, and gives what differs from PyTorch.
    private func differences(_ program: TorchArchives.Program, _ path: String) throws -> [String] {
        let loaded = try ExportedProgram.load(from: path)
        let tensors = try [String: Tensor].load(safetensors: try TorchArchives.folder.file(program.name + ".safetensors"))
        var found: [String] = []
        for (number, call) in program.calls.enumerated() {
            let inputs: [LeafValue] = try call.inputs.enumerated().map { index, value in
                guard let value else { return .tensor(try #require(tensors["\(number).in.\(index)"])) }
                return leaf(value)
            }
            let outputs = try loaded.run(leaves: inputs)
            guard outputs.count == call.outputs.count else {
                found.append("\(outputs.count) outputs, expected \(call.outputs.count)")
                continue
            }
            for (index, (output, value)) in zip(outputs, call.outputs).enumerated() {
                if let value {
                    if "\(output)" != "\(leaf(value))" {
                        found.append("call \(number), output \(index): \(output), expected \(leaf(value))")
                    }
                } else if case .tensor(let tensor) = output {
                    let expected = try #require(tensors["\(number).out.\(index)"])
                    if let difference = try difference(tensor, expected, rtol: 1e-4, atol: 1e-5) {
                        found.append("call \(number), output \(index): \(difference)")
                    }
                } else {
                    found.append("call \(number), output \(index): \(output), a tensor is expected")
                }
            }
        }
        return found
    }

    private func leaf(_ json: JSON) -> LeafValue {
        switch json {
        case .int(let value): .int(SymInt(value))
        case .double(let value): .float(SymFloat(value))
        case .bool(let value): .bool(value)
        case .string(let value): .string(value)
        default: .none
        }
    }

    @Test("Every program runs as PyTorch ran it, call after call, plain and decomposed")
    func all() throws {
        for program in try TorchArchives.programs {
            for suffix in program.hasCore ? [".pt2", ".core.pt2"] : [".pt2"] {
                let path = try TorchArchives.folder.file(program.name + suffix)
                do {
                    let found = try differences(program, path)
                    #expect(found.isEmpty, "\(program.name)\(suffix): \(found.joined(separator: "; "))")
                } catch {
                    Issue.record("\(program.name)\(suffix): \(error)")
                }
            }
        }
    }
}
