import Apus
import ApusDistributed
import Foundation

/// What the tests start under mpirun: `ranks <case> <folder>`. A case writes what judges look at into the folder, and throws where something is
/// not as it has to be, which ends the job with a status.
@main
struct Ranks {
    static let cases: [String: @Sendable (ProcessGroup, String) throws -> Void] = [
        "collectives": collectives, "mistakes": mistakes, "groups": groups, "operators": operators, "gradients": gradients,
        "parallel": parallel, "zero": zero, "norms": norms, "started": started, "absent": absent, "throwing": throwing, "leaving": leaving,
        "page": page,
    ]

    static func main() throws {
        let arguments: [String] = CommandLine.arguments
        guard arguments.count == 3, let body = cases[arguments[1]] else { throw Unexpected("usage: ranks <case> <folder>") }
        let timeout: Duration = arguments[1] == "absent" ? .seconds(2) : .seconds(60)
        ProcessGroup.run(ProcessGroup.Options(timeout: timeout)) { world in try body(world, arguments[2]) }
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
    if !condition { throw Unexpected(text()) }
}

/// Requires that the body throws this error, and gives it.
@discardableResult
func expectError(_ code: DistributedError.Code, _ body: () throws -> Void) throws -> DistributedError {
    do { try body() } catch let error as DistributedError where error.code == code { return error }
    throw Unexpected("an error \(code) was expected")
}

extension ProcessGroup {
    /// What a judge reads of this process.
    func write(_ tensors: [String: Tensor], _ name: String, to folder: String) throws {
        try tensors.save(safetensors: "\(folder)/\(name)-\(rank).safetensors")
    }
}

extension Tensor {
    /// Complex numbers as pairs, which every file format has.
    var stored: Tensor { get throws { dtype.isComplex ? try viewAsReal() : self } }
}
