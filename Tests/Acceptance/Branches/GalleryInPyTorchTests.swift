import Apus
import Foundation
import JudgeSupport
import Testing

/// The gallery's programs, saved and opened by PyTorch, or as models by ONNX Runtime: both must run them as eager code does.
@Suite struct GalleryInPyTorchTests {
    private static let galleries: [[GalleryProgram]] = [
        SizeBranches.gallery, Moduli.gallery, Products.gallery, MinMax.gallery, ValueBranches.gallery, DataSizes.gallery, Loops.gallery,
        EarlyReturns.gallery, Throwing.gallery, Nested.gallery, Modules.gallery, Buffers.gallery, Gradients.gallery, Catching.gallery,
        Parts.gallery,
    ]

    /// Inputs that eager code takes, spread over the domain, without infinities: how those end in a sum is each library's own.
    private func points(_ program: GalleryProgram, _ sweep: GallerySweep) -> [GallerySweep.Point] {
        let plain: [GallerySweep.Point] = sweep.points.filter { point in
            zip(program.inputs, point.fills).allSatisfy { input, fill in
                if case .floats = input.values { fill < 5 } else { true }
            }
        }
        let step: Int = max(1, plain.count / 8)
        return stride(from: 0, to: plain.count, by: step).map { plain[$0] }
    }

    /// What PyTorch is given: for each program a file, its calls, and what eager code gives for them.
    private struct Given {
        var files: [String] = []
        var expected: [String: [String: Tensor]] = [:]
        var names: [String: String] = [:]

        /// What the judge printed, with the programs' names in place of the files'.
        func named(_ output: String) -> String {
            var text: String = "\n" + output
            for (file, name) in names { text = text.replacingOccurrences(of: "\n\(file) ", with: "\n\(name): ") }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-gallery-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    /// - Parameter ending: `.pt2` or `.onnx`.
    private func write(_ programs: [GalleryProgram], to folder: URL, as ending: String = ".pt2") -> Given {
        var given = Given()
        for (number, program) in programs.enumerated() {
            let path: String = folder.appendingPathComponent("\(number)").path
            do {
                let subject = try program.make()
                let sweep = GallerySweep(program.inputs)
                let exported: ExportedProgram = try program.exported(subject, sweep)
                if ending == ".onnx" { try exported.save(onnx: path + ending) } else { try exported.save(to: path + ending) }
                var inputs: [String: Tensor] = [:]
                var outputs: [String: Tensor] = [:]
                var calls = 0
                for point in points(program, sweep) {
                    let tensors: [Tensor] = try program.tensors(at: point)
                    guard let results = try? subject.function(tensors) else { continue }
                    for (index, tensor) in tensors.enumerated() { inputs["\(calls).in.\(index)"] = tensor }
                    for (index, tensor) in results.enumerated() { outputs["\(calls).out.\(index)"] = tensor }
                    calls += 1
                }
                try inputs.save(safetensors: path + ".in")
                given.expected[path + ".out"] = outputs
                given.names["\(number)"] = program.name
                given.files += [path + ending, path + ".in", path + ".out"]
                #expect(ending == ".pt2" || !Self.linearAlgebra.contains(program.name), "\(program.name) is written: take it off the list")
            } catch let error as ArchiveError where error.code == .notRepresentable && Self.linearAlgebra.contains(program.name) {
                #expect(ending == ".onnx" && error.description.contains("linalg"), "\(error)")
            } catch {
                Issue.record("\(program.name): \(error)")
            }
        }
        return given
    }

    private static let all: [GalleryProgram] = galleries.flatMap { $0 }

    /// Programs of factorisations, which ONNX lacks.
    private static let linearAlgebra: Set<String> = [
        "the gradient of a determinant that may be zero", "gradients of determinants in the steps of a scan", "the inverse, or the matrix",
        "a factor, or none", "a solution, or the right side", "an error told in other words",
    ]

    @Test(arguments: [(".pt2", "check_pt2.py"), (".onnx", "check_onnx.py")])
    func runsAsEagerCode(ending: String, judge: String) throws {
        try withFolder { folder in
            let given: Given = write(Self.all, to: folder, as: ending)
            let output: String = given.named(try Python.runFile("Tests/Judges/\(judge)", given.files))
            #expect(output.isEmpty, "\(output)")
            for (path, outputs) in given.expected {
                let name: String = given.names[URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent] ?? path
                guard let found = try? [String: Tensor].load(safetensors: path) else { continue }
                for (key, tensor) in outputs {
                    guard let other = found[key] else { continue }
                    #expect(try isClose(tensor, other), "\(name) \(key): eager \(tensor), \(judge) \(other)")
                }
            }
        }
    }

    /// Sizes next to each declared bound, the others in the middle: refused by the program, by the program as loaded, and by PyTorch.
    @Test func refusesSizesOutsideOfTheDeclaredOnes() throws {
        try withFolder { folder in
            var files: [String] = []
            var names: [String: String] = [:]
            var refusals: Set<String> = []
            for (number, program) in Self.all.enumerated() {
                let path: String = folder.appendingPathComponent("\(number)").path
                let sweep = GallerySweep(program.inputs)
                let exported: ExportedProgram = try program.exported(try program.make(), sweep)
                try exported.save(to: path + ".pt2")
                let loaded: ExportedProgram = try .load(from: path + ".pt2")
                #expect(sizeRanges(loaded) == sizeRanges(exported), "\(program.name)")
                var inputs: [String: Tensor] = [:]
                for (call, point) in sweep.outside(program.inputs).enumerated() {
                    let tensors: [Tensor] = try program.tensors(at: point)
                    let place = "\(program.name) at \(point.sizes)"
                    #expect(throws: ProgramError.self, "\(place), in memory") { let _: [Tensor] = try exported(tensors) }
                    #expect(throws: ProgramError.self, "\(place), loaded") { let _: [Tensor] = try loaded(tensors) }
                    for (index, tensor) in tensors.enumerated() { inputs["\(call).in.\(index)"] = tensor }
                    refusals.insert("\(number) \(call)")
                    names["\(number) \(call)"] = place
                }
                try inputs.save(safetensors: path + ".in")
                files += [path + ".pt2", path + ".in", path + ".out"]
            }
            #expect(refusals.count > 250)
            let output: String = try Python.runFile("Tests/Judges/check_pt2.py", files)
            let refused = Set(output.split(separator: "\n").map { String($0.prefix { $0 != ":" }) })
            for call in refusals.subtracting(refused) { Issue.record("PyTorch takes \(names[call] ?? call)") }
            #expect(refused.isSubset(of: refusals), "\(output)")
        }
    }

    private func sizeRanges(_ program: ExportedProgram) -> [String] {
        program.symbolToRange.filter(\.key.isBacked).map { "\($0.value)" }.sorted()
    }

    private func isClose(_ a: Tensor, _ b: Tensor) throws -> Bool {
        guard a.dtype == b.dtype, try a.sizes == b.sizes else { return false }
        let (left, right) = (try a.to(.float64).array(of: Double.self), try b.to(.float64).array(of: Double.self))
        return zip(left, right).allSatisfy { x, y in x == y || x.isNaN && y.isNaN || (x - y).magnitude <= 1e-5 + 1e-4 * x.magnitude }
    }
}
