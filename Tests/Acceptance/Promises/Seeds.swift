import Apus
import Foundation
import Testing

/// The seeds' own functions, in Swift.
enum Seeds {
    /// First example: `if x.shape[0] > 3`.
    static func branching(x: Tensor) throws -> Tensor {
        if x.shape[0] > 3 { return try x.cos() }
        return try x.sin()
    }

    /// Third example: `b = y.item()`, bounded, then `if b > 3`.
    static func readBranch(x: Tensor, y: Tensor) throws -> Tensor {
        let b = try y.item()
        try constrainAsValue(b, min: 3, max: 5)
        if b > 3 { return try x.cos() }
        return try x.sin()
    }

    /// Fourth example: `z = ones(b, 4)`.
    static func readSize(x: Tensor, y: Tensor) throws -> Tensor {
        let b = try y.item()
        try constrainAsSize(b, min: 3, max: 5)
        let z = try Tensor.ones([b, 4])
        return try x.sum() + z.sum()
    }
}

final class Counter: Module {
    @Parameter var scale: Tensor
    @Buffer var count: Tensor

    init() throws {
        scale = try Tensor.full([1], 2.0)
        count = try Tensor.zeros([1])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        count = try count + 1
        return try x * scale + count
    }
}

/// 0, 1, 2, ...
func vector(_ count: Int) throws -> Tensor { try Tensor((0..<count).map { Float($0) }, shape: [count]) }

/// An integer as a tensor without dimensions.
func number(_ value: Int64) throws -> Tensor { try Tensor([value], shape: []) }

/// What the caller reads.
func text(_ body: () throws -> Void) -> String {
    do { try body() } catch { return error.unplaced }
    return "no error"
}

extension Tensor {
    /// The elements, for comparing.
    var floats: [Float] { get throws { try array(of: Float.self) } }
}

/// A path that nobody else has.
func temporaryPath(_ suffix: String) -> String {
    "\(FileManager.default.temporaryDirectory.path)/apus-acceptance-\(UInt64.random(in: 0 ... .max))\(suffix)"
}

/// The program, written to a file and opened again.
func reloaded(_ program: ExportedProgram) throws -> ExportedProgram {
    let path = temporaryPath(".pt2")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try program.save(to: path)
    return try ExportedProgram.load(from: path)
}
