import Apus
import Dispatch
import Synchronization

/// What came of one program.
public enum Verdict: Sendable {
    /// The program agrees with eager at every point.
    case agrees(points: Int)
    /// Export refused with a typed error.
    case refused(String)
    /// Eager refuses the example already.
    case pointless
    case finding(Finding)
}

/// A disagreement: a bug.
public struct Finding: Sendable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        case untypedError, brokenGraph, wrongValue, rejectsAdmitted, acceptsRejected, wrongMemory, notSaved, notLoaded
    }
    public let kind: Kind
    /// Which way of running the program it was.
    public let runner: String
    public let detail: String

    public var description: String { "\(kind.rawValue) (\(runner)): \(detail)" }
}

extension RandomProgram {
    /// Exports the program and compares it with eager over its domain.
    /// - Parameter folder: where the archive for the round trip is written; nil to leave that out.
    public func verdict(seed: UInt64, folder: String?) -> Verdict {
        var random = SplitMix(seed: seed)
        do {
            let example: [Int] = domain.example(&random)
            let (x, y) = try inputs(example, style: 0, &random)
            let model = try Memory()
            let program: ExportedProgram
            do {
                program = try export(
                    { (x: Tensor, y: Tensor) in try self(x, y, model) }, of: model, args: x, y, constraints: domain.constraints(x, y))
            } catch {
                return refusal(error)
            }
            var runners: [any Runner] = [try PlanRunner(name: "plan", program), try ExecutorRunner(program)]
            if let folder { runners += try reloaded(program, folder) }
            var count = 0
            for point in domain.points(&random) {
                for style in [0, 1 + random.below(6)] {
                    let (x, y) = try inputs(point, style: style, &random)
                    count += 1
                    for runner in runners {
                        if let finding = try compare(runner, x, y) { return .finding(finding) }
                    }
                }
            }
            if let finding = try compareConcurrently(program, domain.points(&random), &random) { return .finding(finding) }
            return .agrees(points: count)
        } catch let finding as FindingError {
            return .finding(finding.finding)
        } catch {
            return .finding(Finding(kind: .untypedError, runner: "harness", detail: "\(type(of: error)): \(error)"))
        }
    }

    private struct FindingError: Error { let finding: Finding }

    private func refusal(_ error: any Error) -> Verdict {
        switch error {
        case is Refusal: return .pointless
        case let error as ConstraintViolationError: return .refused("constraints: \(error)")
        case let error as ProgramError:
            if error.code == .selfCheck { return .finding(Finding(kind: .wrongValue, runner: "self check", detail: error.message)) }
            if error.code == .invalidGraph || error.message.contains("not deterministic") {
                return .finding(Finding(kind: .brokenGraph, runner: "export", detail: error.message))
            }
            return .refused("\(error.code.rawValue): \(error.message)")
        case let error as TensorError: return .refused("tensor: \(error)")
        case let error as SymbolicError: return .refused("symbolic: \(error)")
        case let error as VerificationError: return .finding(Finding(kind: .brokenGraph, runner: "export", detail: "\(error)"))
        default: return .finding(Finding(kind: .untypedError, runner: "export", detail: "\(type(of: error)): \(error)"))
        }
    }

    private func reloaded(_ program: ExportedProgram, _ folder: String) throws -> [any Runner] {
        let path: String = folder + "/program.pt2"
        do { try program.save(to: path) } catch {
            if error is ArchiveError { return [] }
            throw FindingError(finding: Finding(kind: .notSaved, runner: "save", detail: "\(error)"))
        }
        do {
            return [try PlanRunner(name: "reloaded", ExportedProgram.load(from: path))]
        } catch {
            throw FindingError(finding: Finding(kind: .notLoaded, runner: "load", detail: "\(error)"))
        }
    }

    // MARK: Inputs

    private func inputs(_ point: [Int], style: Int, _ random: inout SplitMix) throws -> (Tensor, Tensor) {
        let count: Int = domain.first.count
        return (
            try input(Array(point[..<count]), style, &random), try input(Array(point[count...]), style, &random)
        )
    }

    /// Multiples of a quarter, whose sums are exact; and what breaks programs.
    private func input(_ shape: [Int], _ style: Int, _ random: inout SplitMix) throws -> Tensor {
        let special: [Float]
        switch style {
        case 1: special = [.nan]
        case 2: special = [.infinity, -.infinity, -0.0]
        case 3: special = [1e30, -1e30, Float.leastNonzeroMagnitude]
        default: special = []
        }
        let values: [Float] = (0..<shape.reduce(1, *)).map { _ in
            switch style {
            case 4: return 0
            case 5: return -Float(1 + random.below(8)) / 4
            case 6: return Float(1 + random.below(8)) / 4
            default:
                if !special.isEmpty, random.chance(30) { return random.element(special) }
                return Float(random.below(17) - 8) / 4
            }
        }
        return try Tensor(values, shape: shape)
    }

    /// Programs may be called from many threads at once: those that change no buffer give the same as alone.
    private func compareConcurrently(_ program: ExportedProgram, _ points: [[Int]], _ random: inout SplitMix) throws -> Finding? {
        guard program.graphSignature.buffersToMutate.isEmpty else { return nil }
        let calls: [(Tensor, Tensor)] = try points.prefix(4).map { try inputs($0, style: 0, &random) }
        let alone: [Tensor?] = calls.map { try? program.run(leaves: [.tensor($0.0), .tensor($0.1)])[0].tensor }
        let together = Mutex([Tensor?](repeating: nil, count: calls.count))
        DispatchQueue.concurrentPerform(iterations: calls.count) { index in
            let result: Tensor? = try? program.run(leaves: [.tensor(calls[index].0), .tensor(calls[index].1)])[0].tensor
            together.withLock { $0[index] = result }
        }
        for (a, b) in zip(alone, together.withLock { $0 }) {
            switch (a, b) {
            case (nil, nil): continue
            case (let a?, let b?):
                if let text = try difference(a, b) { return Finding(kind: .wrongValue, runner: "concurrent", detail: text) }
            default: return Finding(kind: .wrongValue, runner: "concurrent", detail: "a call fails beside others")
            }
        }
        return nil
    }

    // MARK: Comparing

    private func compare(_ runner: any Runner, _ x: Tensor, _ y: Tensor) throws -> Finding? {
        let before: Tensor = runner.eager.kept
        let eager: Result<(Tensor, SymInt), any Error> = Result { try self(x, y, runner.eager) }
        let traced: Result<[LeafValue], any Error> = Result { try runner.run(x, y) }
        let place = "x \(x.shape), y \(y.shape), x = \(try x.array(of: Float.self)), y = \(try y.array(of: Float.self))"
        func finding(_ kind: Finding.Kind, _ text: String) -> Finding {
            Finding(kind: kind, runner: runner.name, detail: "\(text)\n  at \(place)")
        }
        switch (eager, traced) {
        case (.failure, .failure(let error)):
            runner.eager.kept = before
            return isTyped(error) ? nil : finding(.untypedError, "\(type(of: error)): \(error)")
        case (.failure(let error), .success(let leaves)):
            runner.eager.kept = before
            return finding(.acceptsRejected, "eager throws '\(error)', the program gives \(leaves)")
        case (.success, .failure(let error)):
            return finding(.rejectsAdmitted, "\(type(of: error)): \(error)")
        case (.success(let expected), .success(let leaves)):
            guard leaves.count == 2, case .tensor(let tensor) = leaves[0], case .int(let number) = leaves[1] else {
                return finding(.wrongValue, "results of another structure: \(leaves)")
            }
            if let text = try difference(expected.0, tensor) { return finding(.wrongValue, text) }
            if !number.isIdentical(to: expected.1) { return finding(.wrongValue, "\(number) where eager gives \(expected.1)") }
            if let kept = try runner.memory(), let text = try difference(runner.eager.kept, kept) { return finding(.wrongMemory, text) }
            return nil
        }
    }

    private func isTyped(_ error: any Error) -> Bool { error is TensorError || error is ProgramError || error is SymbolicError }

    private func difference(_ expected: Tensor, _ tensor: Tensor) throws -> String? {
        guard expected.dtype == tensor.dtype, expected.shape.isIdentical(to: tensor.shape) else {
            return "\(tensor.spec) where eager gives \(expected.spec)"
        }
        let wanted: [Double] = try expected.to(.float64).contiguous().array(of: Double.self)
        let got: [Double] = try tensor.to(.float64).contiguous().array(of: Double.self)
        for (index, (p, q)) in zip(wanted, got).enumerated() {
            if p == q || p.isNaN && q.isNaN { continue }
            if abs(p - q) <= 1e-5 + 1e-5 * abs(p) { continue }
            return "element \(index) is \(q) where eager gives \(p)"
        }
        return nil
    }
}

/// One way of running a program, with an eager model beside it that has seen the same inputs.
private protocol Runner {
    var name: String { get }
    var eager: Memory { get }
    func run(_ x: Tensor, _ y: Tensor) throws -> [LeafValue]
    /// The buffer as it is now; nil when the program does not have it.
    func memory() throws -> Tensor?
}

private struct PlanRunner: Runner {
    let name: String
    let program: ExportedProgram
    let eager: Memory

    init(name: String, _ program: ExportedProgram) throws {
        self.name = name
        self.program = program
        eager = try Memory()
    }

    func run(_ x: Tensor, _ y: Tensor) throws -> [LeafValue] { try program.run(leaves: [.tensor(x), .tensor(y)]) }
    func memory() throws -> Tensor? { program.stateDict["kept"] }
}

/// Runs the graph node by node.
private final class ExecutorRunner: Runner {
    let name = "executor"
    let program: ExportedProgram
    let eager: Memory
    private var kept: Tensor

    init(_ program: ExportedProgram) throws {
        self.program = program
        eager = try Memory()
        kept = eager.kept
    }

    func run(_ x: Tensor, _ y: Tensor) throws -> [LeafValue] {
        var users: [Tensor] = [y, x]
        let signature: ExportGraphSignature = program.graphSignature
        let constants: [String: Tensor] = program.constants
        let inputs: [Tensor] = try signature.inputRoles.map { role in
            switch role {
            case .constant(let name):
                guard let tensor = constants[name] else { throw ProgramError(.invalidGraph, "no constant '\(name)'") }
                return tensor
            case .userInput: return users.popLast() ?? x
            default: return kept
            }
        }
        let outputs: [RuntimeValue] = try GraphExecutor(program.graph).run(inputs)
        var results: [LeafValue] = []
        for (role, value) in zip(signature.outputRoles, outputs) {
            switch (role, value) {
            case (.bufferMutation, .tensor(let tensor)): kept = tensor
            case (.userOutput, .tensor(let tensor)): results.append(.tensor(tensor))
            case (.userOutput, .int(let number)): results.append(.int(SymInt(number)))
            default: throw ProgramError(.invalidGraph, "an output that no result is")
            }
        }
        return results
    }

    func memory() throws -> Tensor? { kept }
}
