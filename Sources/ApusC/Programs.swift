import ApusArchive
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import CApus
import Foundation

// Programs and sessions of C.

/// What a caller can run.
private protocol Runnable {
    func leaves(of inputs: [Tensor]) throws -> [LeafValue]
}

extension ExportedProgram: Runnable {}
extension ExportedProgram.Session: Runnable {}

/// A program behind a handle.
final class ProgramHandle {
    let program: ExportedProgram
    let inputs: [ValueInfo]
    let outputs: [ValueInfo]

    init(_ program: ExportedProgram) {
        self.program = program
        let (graph, signature) = (program.graph, program.graphSignature)
        let taken: [Graph.Value] = zip(graph.inputs, signature.inputRoles).filter { $0.1 == .userInput }.map(\.0)
        inputs = zip(signature.userInputs, taken).map { ValueInfo($0, graph.type($1), program) }
        let given: [GraphOutput] = zip(graph.outputs, signature.outputRoles).filter { $0.1 == .userOutput || $0.1 == .loss }.map(\.0)
        outputs = given.enumerated().map { index, output in
            ValueInfo(output.value.map { graph.name($0) } ?? "output_\(index)", graph.type(of: output), program)
        }
    }
}

/// A session behind a handle.
final class SessionHandle {
    let session: ExportedProgram.Session
    /// Of as many outputs as the program.
    let outputs: Int

    init(_ session: ExportedProgram.Session, outputs: Int) { (self.session, self.outputs) = (session, outputs) }
}

/// What is told of an input or output, in memory that C reads.
final class ValueInfo {
    let told: UnsafeMutablePointer<apus_value_info>
    private let sizes: UnsafeMutableBufferPointer<Int64>
    private let symbols: UnsafeMutableBufferPointer<UnsafePointer<CChar>?>
    private let name: UnsafeMutablePointer<CChar>

    init(_ name: String, _ type: Graph.ValueType, _ program: ExportedProgram) {
        let spec: TensorSpec = type.told
        let rank: Int = spec.shape.count
        self.name = strdup(name)
        // Sizes, the least and the largest.
        sizes = .allocate(capacity: max(3 * rank, 1))
        sizes.initialize(repeating: 0)
        symbols = .allocate(capacity: max(rank, 1))
        symbols.initialize(repeating: nil)
        for (dim, size) in spec.shape.enumerated() {
            if let constant = size.constant {
                for part in 0..<3 { sizes[part * rank + dim] = Int64(constant) }
                continue
            }
            let range: SymRange = program.scope.range(of: size)
            sizes[dim] = -1
            sizes[rank + dim] = Int64(max(range.lowerBound, 0))
            sizes[2 * rank + dim] = Int64(range.upperBound)
            symbols[dim] = UnsafePointer(strdup(size.description(naming: \.name)))
        }
        told = .allocate(capacity: 1)
        let start: UnsafeMutablePointer<Int64>? = sizes.baseAddress
        told.initialize(
            to: apus_value_info(
                name: self.name, dtype: spec.dtype.forC, rank: Int32(rank), sizes: start, symbols: symbols.baseAddress,
                least: start.map { $0 + rank }, largest: start.map { $0 + 2 * rank }))
    }

    deinit {
        told.deallocate()
        for symbol in symbols { free(UnsafeMutablePointer(mutating: symbol)) }
        symbols.deallocate()
        sizes.deallocate()
        free(name)
    }
}

extension Graph.ValueType {
    /// Numbers are tensors without dimensions in C.
    fileprivate var told: TensorSpec {
        switch self {
        case .tensor(let spec): spec
        case .int: TensorSpec(.int64, .scalar)
        case .float: TensorSpec(.float64, .scalar)
        case .bool: TensorSpec(.bool, .scalar)
        case .none: TensorSpec(.float32, .scalar)
        }
    }
}

/// Runs a program or session: results are copied into the caller's tensors, or become handles.
private func run(
    _ runnable: some Runnable, _ inputs: UnsafePointer<OpaquePointer?>?, _ inputCount: Int,
    _ outputs: UnsafeMutablePointer<OpaquePointer?>?,
    _ outputCount: Int, of wanted: Int
) throws {
    guard outputCount == wanted else { throw Mistake("the program gives \(wanted) results, and there is room for \(outputCount)") }
    // Sizes beyond half of memory's.
    guard inputCount >= 0, outputCount >= 0 else { throw Mistake("a count is too large") }
    guard inputCount == 0 || inputs != nil else { throw Mistake("inputs is null") }
    guard outputCount == 0 || outputs != nil else { throw Mistake("outputs is null") }
    let given: [Tensor] = try (0..<inputCount).map { try object(inputs![$0], "input \($0)", as: TensorHandle.self).tensor }
    var results: [Tensor?] = try runnable.leaves(of: given).enumerated().map { index, leaf in
        guard let tensor = try leaf.asTensor else {
            throw Mistake("result \(index) is \(leaf), which C has no tensor for", APUS_RESULT_UNSUPPORTED)
        }
        return tensor
    }
    guard results.count == wanted else { throw Mistake("\(results.count) results where \(wanted) were told", APUS_RESULT_FAILED) }
    // All that can fail first.
    var fresh: [TensorHandle?] = []
    var copies: [(from: Tensor, to: UnsafeMutableRawPointer)] = []
    for index in results.indices {
        guard var result = results[index] else { continue }
        // Let go of, so that it is seen whether others hold it.
        results[index] = nil
        guard let place = known(outputs![index], TensorHandle.self) else {
            // Results are the caller's alone: not an input's memory, a weight's, or another result's.
            fresh.append(try TensorHandle(result.isHeldAlone() ? result : try result.clone()))
            continue
        }
        fresh.append(nil)
        guard place.tensor.spec.isIdentical(to: result.spec) else {
            throw Mistake("output \(index) is \(result.spec), and the tensor for it is \(place.tensor.spec)")
        }
        if place.byteCount == 0 { continue }
        guard let target = place.writable else {
            throw Mistake("the tensor for output \(index) has no memory of the caller's without gaps")
        }
        // Copies are made one after another: none may change what a later one reads, such as an input or another result.
        if !result.isHeldAlone() { result = try result.clone() }
        copies.append((result, target))
    }
    for (result, target) in copies {
        try result.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { target.copyMemory(from: start, byteCount: bytes.count) }
        }
    }
    for (index, result) in fresh.enumerated() { if let result { outputs![index] = handle(result) } }
}

@_cdecl("apus_program_load")
public func programLoad(
    _ path: UnsafePointer<CChar>?, _ entryPoint: UnsafePointer<CChar>?, _ weights: apus_weights,
    _ program: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        guard let path, let program else { throw Mistake("\(path == nil ? "path" : "program") is null") }
        var options = ProgramOptions()
        switch weights {
        case APUS_WEIGHTS_AS_SAVED: break
        case APUS_WEIGHTS_BFLOAT16: options.weights = .bfloat16
        case APUS_WEIGHTS_INT8: options.weights = .int8
        default: throw Mistake("\(weights.rawValue) is no format of weights")
        }
        let loaded = try ExportedProgram.load(from: String(cString: path), name: entryPoint.map { String(cString: $0) }, options: options)
        program.pointee = handle(ProgramHandle(loaded))
    }
}

@_cdecl("apus_program_free") public func programFree(_ program: OpaquePointer?) { release(program, ProgramHandle.self) }

@_cdecl("apus_set_thread_count") public func setThreadCount(_ threads: Int32) {
    Threads.count = threads > 0 ? Int(threads) : ProcessInfo.processInfo.activeProcessorCount
}

@_cdecl("apus_program_input_count") public func programInputCount(_ program: OpaquePointer?) -> Int {
    known(program, ProgramHandle.self)?.inputs.count ?? 0
}

@_cdecl("apus_program_output_count") public func programOutputCount(_ program: OpaquePointer?) -> Int {
    known(program, ProgramHandle.self)?.outputs.count ?? 0
}

@_cdecl("apus_program_input") public func programInput(_ program: OpaquePointer?, _ index: Int) -> UnsafePointer<apus_value_info>? {
    known(program, ProgramHandle.self).flatMap { $0.inputs.indices.contains(index) ? UnsafePointer($0.inputs[index].told) : nil }
}

@_cdecl("apus_program_output") public func programOutput(_ program: OpaquePointer?, _ index: Int) -> UnsafePointer<apus_value_info>? {
    known(program, ProgramHandle.self).flatMap { $0.outputs.indices.contains(index) ? UnsafePointer($0.outputs[index].told) : nil }
}

@_cdecl("apus_program_run")
public func programRun(
    _ program: OpaquePointer?, _ inputs: UnsafePointer<OpaquePointer?>?, _ inputCount: Int,
    _ outputs: UnsafeMutablePointer<OpaquePointer?>?,
    _ outputCount: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        let handle: ProgramHandle = try object(program, "program")
        try run(handle.program, inputs, inputCount, outputs, outputCount, of: handle.outputs.count)
    }
}

@_cdecl("apus_session_create")
public func sessionCreate(
    _ program: OpaquePointer?, _ session: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        guard let session else { throw Mistake("session is null") }
        let known: ProgramHandle = try object(program, "program")
        session.pointee = handle(SessionHandle(try known.program.makeSession(), outputs: known.outputs.count))
    }
}

@_cdecl("apus_session_free") public func sessionFree(_ session: OpaquePointer?) { release(session, SessionHandle.self) }

@_cdecl("apus_session_reset") public func sessionReset(_ session: OpaquePointer?) { known(session, SessionHandle.self)?.session.reset() }

@_cdecl("apus_session_run")
public func sessionRun(
    _ session: OpaquePointer?, _ inputs: UnsafePointer<OpaquePointer?>?, _ inputCount: Int,
    _ outputs: UnsafeMutablePointer<OpaquePointer?>?,
    _ outputCount: Int, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        let handle: SessionHandle = try object(session, "session")
        try run(handle.session, inputs, inputCount, outputs, outputCount, of: handle.outputs)
    }
}
