import Apus
import Foundation
import Testing

/// The gallery's programs, saved and opened by PyTorch: it must run them as eager code does.
@Suite struct GalleryInPyTorchTests {
    private struct Failure: Error, CustomStringConvertible { let description: String }

    private static let galleries: [[GalleryProgram]] = [
        SizeBranches.gallery, Moduli.gallery, Products.gallery, MinMax.gallery, ValueBranches.gallery, DataSizes.gallery, Loops.gallery,
        EarlyReturns.gallery, Throwing.gallery, Nested.gallery, Modules.gallery, Buffers.gallery, Gradients.gallery,
    ]

    /// Programs that PyTorch 2.13 does not open: it wants a range for a size that only a branch computes, and for a float that an assertion
    /// reads.
    private static let notOpened: Set<String> = ["one side of a size from values", "both inner sides refuse by a value"]

    /// Runs the judge; gives what it printed.
    private func judge(_ files: [String]) throws -> String {
        var root = URL(fileURLWithPath: #filePath)
        while root.path != "/", !FileManager.default.fileExists(atPath: root.appendingPathComponent("Package.swift").path) {
            root.deleteLastPathComponent()
        }
        let executable: String = ProcessInfo.processInfo.environment["APUS_PYTHON"] ?? root.path + "/.venv/bin/python"
        guard FileManager.default.isExecutableFile(atPath: executable) else {
            throw Failure(description: "no Python at \(executable): run `make python`, or set APUS_PYTHON")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = [root.path + "/Tests/Judges/check_pt2.py"] + files
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

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

    @Test func all() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("apus-gallery-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var files: [String] = []
        var expected: [String: [String: Tensor]] = [:]
        var names: [String: String] = [:]
        let programs: [GalleryProgram] = Self.galleries.flatMap { $0 }.filter { !Self.notOpened.contains($0.name) }
        for (number, program) in programs.enumerated() {
            let path: String = folder.appendingPathComponent("\(number)").path
            do {
                let subject = try program.make()
                let sweep = GallerySweep(program.inputs)
                try program.exported(subject, sweep).save(to: path + ".pt2")
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
                try saveSafetensors(inputs, to: path + ".in")
                expected[path + ".out"] = outputs
                names["\(number).pt2"] = program.name
                files += [path + ".pt2", path + ".in", path + ".out"]
            } catch {
                Issue.record("\(program.name): \(error)")
            }
        }
        var output: String = "\n" + (try judge(files))
        for (file, name) in names { output = output.replacingOccurrences(of: "\n\(file) ", with: "\n\(name): ") }
        output = output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(output.isEmpty, "\(output)")
        for (path, outputs) in expected {
            let name: String = names[URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent + ".pt2"] ?? path
            guard let found = try? loadSafetensors(from: path) else { continue }
            for (key, tensor) in outputs {
                guard let other = found[key] else { continue }
                #expect(try isClose(tensor, other), "\(name) \(key): eager \(tensor), PyTorch \(other)")
            }
        }
    }

    private func isClose(_ a: Tensor, _ b: Tensor) throws -> Bool {
        guard a.dtype == b.dtype, try a.sizes == b.sizes else { return false }
        let (left, right) = (try a.to(.float64).array(of: Double.self), try b.to(.float64).array(of: Double.self))
        return zip(left, right).allSatisfy { x, y in x == y || x.isNaN && y.isNaN || (x - y).magnitude <= 1e-5 + 1e-4 * x.magnitude }
    }
}
