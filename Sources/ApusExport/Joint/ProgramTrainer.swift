import ApusNN
import ApusProgram
import ApusTensor

/// Trains a joint program with any optimizer: no model is needed, a file is enough.
///
///     let joint = try ExportedProgram.load(from: "training.pt2")
///     let trainer = try ProgramTrainer(joint) { try AdamW($0, learningRate: 1e-3) }
///     for (images, labels) in batches { print(try trainer.step(images, labels).loss) }
///     try joint.save(to: "trained.pt2")
///
/// The parameters that it changes are the program's, and those of every entry point that shares them; the module that the program was made
/// of keeps its own. Belongs to one task at a time.
public final class ProgramTrainer<Kind: Optimizer> {
    public let program: ExportedProgram
    /// Its learning rate may be changed between steps.
    public let optimizer: Kind
    private let parameters: ProgramParameters
    private let targets: [(position: Int, box: StateBox)]

    /// - Parameter optimizer: makes the optimizer for the program's parameters.
    /// - Throws: `ProgramError` for a program without a backward part, and what making the optimizer throws.
    public init(_ program: ExportedProgram, optimizer: (ProgramParameters) throws -> Kind) throws {
        guard program.isJoint else {
            throw ProgramError(.notJoint, "the program computes no gradients; make it with exportJoint, or EntryPoint.joint")
        }
        self.program = program
        let slots: [ProgramState.Slot] = program.state.slots.filter(\.isParameter)
        let tensors: [Tensor] = program.state.tensors(of: slots)
        let named: [(name: String, tensor: Tensor)] = zip(slots, tensors).map { ($0.names.first ?? "", $1) }
        parameters = try ProgramParameters(named)
        self.optimizer = try optimizer(parameters)
        var boxes: [String: StateBox] = [:]
        for entry in try ModuleState(of: parameters).entries { boxes[entry.name] = entry.box }
        targets = slots.compactMap { slot in slot.names.first.flatMap { boxes[$0] }.map { (slot.position, $0) } }
    }

    /// Runs the program forward and backward, then changes its parameters.
    @discardableResult
    public func step<each Input>(_ arguments: repeat each Input) throws -> JointResults {
        let results: JointResults = try program.valueAndGradients(repeat each arguments)
        try apply(results.gradients)
        return results
    }

    /// Changes the program's parameters by gradients: those of a run, clipped or summed over several.
    public func apply(_ gradients: ModuleGradients) throws {
        try program.state.exchange(targets.map(\.position)) { tensors in
            for (target, tensor) in zip(targets, tensors) { target.box.tensor = tensor }
            // Held by their boxes alone, parameters can be changed in place.
            tensors = []
            defer { tensors = targets.compactMap(\.box.tensor) }
            try optimizer.step(gradients)
        }
    }
}

/// A program's parameters in the form of a module, for optimizers: the names' dots become submodules.
public final class ProgramParameters: Module {
    let own: [String: Parameter<Tensor>]
    let parts: [String: ProgramParameters]

    public static var stateNames: [String: String] { ["own": "", "parts": ""] }

    /// How many dots a name may have: a submodule is made for each, and names may come from a file.
    private static let maximumDepth = 500

    convenience init(_ entries: [(name: String, tensor: Tensor)]) throws {
        for entry in entries {
            let dots: Int = entry.name.utf8.count { $0 == UInt8(ascii: ".") }
            guard dots <= ProgramParameters.maximumDepth else {
                throw ProgramError(
                    .notJoint,
                    "a parameter's name has \(dots) dots, more than the \(ProgramParameters.maximumDepth) that a trainer takes: '\(entry.name.prefix(40))...'"
                )
            }
        }
        self.init(nested: entries)
    }

    private init(nested entries: [(name: String, tensor: Tensor)]) {
        var groups: [String: [(name: String, tensor: Tensor)]] = [:]
        var own: [String: Parameter<Tensor>] = [:]
        for entry in entries {
            guard let dot = entry.name.firstIndex(of: ".") else {
                own[entry.name] = Parameter(wrappedValue: entry.tensor)
                continue
            }
            groups[String(entry.name[..<dot]), default: []].append((String(entry.name[entry.name.index(after: dot)...]), entry.tensor))
        }
        self.own = own
        parts = groups.mapValues { ProgramParameters(nested: $0) }
    }
}
