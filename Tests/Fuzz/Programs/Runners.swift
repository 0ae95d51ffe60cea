import Apus

/// What a program gives: the tensor, for joint programs the loss with its gradient, and the number.
struct RunResults: CustomStringConvertible {
    /// Nil for a gradient that the program has no output for.
    var tensors: [Tensor?] = []
    var number: SymInt = 0

    var description: String { "\(tensors.map { $0.map { "\($0)" } ?? "no gradient" }), \(number)" }

    init(tensors: [Tensor?], number: SymInt) { (self.tensors, self.number) = (tensors, number) }

    /// From what a program returns, flattened.
    init(_ leaves: [LeafValue]) throws {
        guard leaves.count == 2, case .tensor(let tensor) = leaves[0], case .int(let number) = leaves[1] else {
            throw ProgramError(.invalidGraph, "results of another structure: \(leaves)")
        }
        self.init(tensors: [tensor], number: number)
    }
}

/// One way of running a program, with an eager model beside it that has seen the same inputs.
protocol Runner {
    var name: String { get }
    var eager: Memory { get }
    func run(_ inputs: [Tensor]) throws -> RunResults
    /// The buffer as it is now; nil when the program does not have it.
    func memory() throws -> Tensor?
}

struct PlanRunner: Runner {
    let name: String
    let program: ExportedProgram
    let eager: Memory

    init(name: String, _ program: ExportedProgram) throws {
        self.name = name
        self.program = program
        eager = try Memory()
    }

    func run(_ inputs: [Tensor]) throws -> RunResults {
        let leaves: [LeafValue] = inputs.map { .tensor($0) }
        guard program.isJoint else { return try RunResults(try program.run(leaves: leaves)) }
        let results: JointResults = try program.valueAndGradients(leaves: leaves)
        let forward = try RunResults(results.leaves)
        return RunResults(tensors: forward.tensors + [results.inputGradients["x"]], number: forward.number)
    }

    func memory() throws -> Tensor? { program.stateDict["kept"] }
}

/// Runs a session, which writes over its buffer where it may.
final class SessionRunner: Runner {
    let name: String
    let eager: Memory
    private let session: Session
    /// The buffer after the last call that went well.
    private var kept: Tensor

    init(name: String, _ program: ExportedProgram) throws {
        self.name = name
        session = try program.makeSession()
        eager = try Memory()
        kept = eager.kept
    }

    func run(_ inputs: [Tensor]) throws -> RunResults {
        let leaves: [LeafValue] = inputs.map { .tensor($0) }
        let results: RunResults
        do {
            results = try RunResults(try session.run(leaves: leaves))
        } catch let error as ProgramError where error.code == .brokenSession {
            session.reset()
            try session.load(["kept": kept], strict: false)
            results = try RunResults(try session.run(leaves: leaves))
        }
        kept = try memory() ?? kept
        return results
    }

    func memory() throws -> Tensor? { session.stateDict["kept"] }
}

/// Runs the graph node by node.
final class ExecutorRunner: Runner {
    let name = "executor"
    let program: ExportedProgram
    let eager: Memory
    private var kept: Tensor

    init(_ program: ExportedProgram) throws {
        self.program = program
        eager = try Memory()
        kept = eager.kept
    }

    func run(_ inputs: [Tensor]) throws -> RunResults {
        var users: [Tensor] = inputs.reversed()
        let signature: ExportGraphSignature = program.graphSignature
        let constants: [String: Tensor] = program.constants
        let all: [Tensor] = try signature.inputRoles.map { role in
            switch role {
            case .constant(let name):
                guard let tensor = constants[name] else { throw ProgramError(.invalidGraph, "no constant '\(name)'") }
                return tensor
            case .userInput:
                guard let tensor = users.popLast() else { throw ProgramError(.invalidGraph, "more inputs than arguments") }
                return tensor
            default: return kept
            }
        }
        let outputs: [RuntimeValue] = try GraphExecutor(program.graph).run(all)
        var leaves: [LeafValue] = []
        var gradient: Tensor?
        var changed: Tensor?
        for (role, value) in zip(signature.outputRoles, outputs) {
            switch (role, value) {
            case (.bufferMutation, .tensor(let tensor)): changed = tensor
            case (.userOutput, .tensor(let tensor)), (.loss, .tensor(let tensor)): leaves.append(.tensor(tensor))
            case (.userOutput, .int(let number)): leaves.append(.int(SymInt(number)))
            case (.gradientToUserInput, .tensor(let tensor)): gradient = tensor
            default: throw ProgramError(.invalidGraph, "an output that no result is")
            }
        }
        kept = changed ?? kept
        let forward = try RunResults(leaves)
        return program.isJoint ? RunResults(tensors: forward.tensors + [gradient], number: forward.number) : forward
    }

    func memory() throws -> Tensor? { kept }
}
