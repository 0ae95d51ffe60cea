import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor

/// What a joint program is asked to hold beside the function itself.
struct JointRequest {
    /// Example tensors among the arguments whose gradients are wanted.
    let inputs: [Tensor]
    /// The leaf of the result that is the loss; nil where there is one leaf only.
    let loss: Int?

    /// Finds the tensors among the arguments.
    func resolved(_ declared: DeclaredInputs, _ model: ModuleState?) throws -> JointTrace {
        var leaves: [Int] = []
        for (position, input) in inputs.enumerated() {
            let found: [Int] = declared.tree.leaves.indices.filter { declared.tree.leaves[$0].tensor?.identity == input.identity }
            guard !found.isEmpty else {
                throw ProgramError(
                    .invalidConstraint,
                    "withRespectTo[\(position)], a tensor of \(input.spec), is not among the arguments; pass the same tensor to both")
            }
            guard input.dtype.isDifferentiable else {
                throw ProgramError(
                    .invalidConstraint,
                    "\(declared.names[found[0]]) is of \(input.dtype), which has no gradients; leave it out of withRespectTo")
            }
            // A tensor passed twice is two inputs, with a gradient each.
            leaves += found.filter { !leaves.contains($0) }
        }
        return JointTrace(
            slots: model?.slots.filter(\.requiresGradient) ?? [], inputLeaves: leaves.sorted(), names: declared.names, loss: loss)
    }
}

/// Runs a function and the gradients of its loss as one function, whose result is the function's, followed by the gradients.
///
/// Each path of the function is a run of its own, so what is found on the way is kept here.
final class JointTrace {
    private let slots: [ModuleState.Slot]
    /// Positions of argument leaves that get gradients, in order.
    private let inputLeaves: [Int]
    private let names: [String]
    private let loss: Int?
    /// What some path found: the position of the loss, and on which tensors it depends.
    private var lossPosition = 0
    private var isUsed: [Bool]
    /// The leaves of a run, result and gradients, that the program gives.
    private var keptLeaves: [Int] = []

    init(slots: [ModuleState.Slot], inputLeaves: [Int], names: [String], loss: Int?) {
        self.slots = slots
        self.inputLeaves = inputLeaves
        self.names = names
        self.loss = loss
        isUsed = Array(repeating: false, count: slots.count + inputLeaves.count)
    }

    private var sourceCount: Int { slots.count + inputLeaves.count }

    /// One run: the function, then the gradients.
    func run(_ leaves: [LeafValue], _ function: ([LeafValue]) throws -> FlatTree) throws -> FlatTree {
        let recorder = GradientRecorder()
        var sources: [Tensor] = try slots.map { slot in
            // The tensor that stands for the parameter while it is traced.
            guard let tensor = slot.boxes.first?.tensor else {
                throw ProgramError(.untraceable, "the parameter '\(slot.names.joined(separator: "', '"))' is nil")
            }
            return tensor
        }
        // A tensor may be given twice, be a parameter, or be captured as well: each argument gets the gradient of its own uses.
        var leaves: [LeafValue] = leaves
        for position in inputLeaves {
            guard let tensor = leaves[position].tensor else { continue }
            let own: Tensor = try tensor.withOwnIdentity()
            leaves[position] = .tensor(own)
            sources.append(own)
        }
        for source in sources { try recorder.watch(source) }
        var tree = try Interpreter.with(recorder) { try function(leaves) }
        let (position, loss) = try findLoss(tree)
        lossPosition = position
        let gradients: [Tensor?]
        do {
            gradients = try recorder.gradients(of: loss, with: sources)
        } catch let error as TensorError where error.code == .notDifferentiable {
            // Not one of the function's own errors, which would reject the inputs of this path.
            throw ProgramError(.untraceable, "the loss has no gradient: \(error.statement)", site: error.site)
        }
        for (index, gradient) in gradients.enumerated() where gradient != nil { isUsed[index] = true }
        let complete: [Tensor] = try zip(gradients, sources).map { try $0 ?? $1.zerosLike() }
        tree.leaves += complete.map { .tensor($0) }
        tree.spec = .tuple([tree.spec, .list(Array(repeating: .leaf, count: complete.count))])
        return tree
    }

    private func findLoss(_ tree: FlatTree) throws -> (position: Int, loss: Tensor) {
        if loss == nil, tree.leaves.count != 1 {
            throw ProgramError(
                .untraceable,
                "the function returns \(tree.leaves.count) values (\(tree.spec)); say which is the loss: exportJoint(..., loss: 0)")
        }
        let position: Int = loss ?? 0
        guard tree.leaves.indices.contains(position) else {
            throw ProgramError(.untraceable, "loss: \(position) is none of the \(tree.leaves.count) values that the function returns")
        }
        guard case .tensor(let tensor) = tree.leaves[position] else {
            throw ProgramError(.untraceable, "the loss must be a tensor of one element, not the plain value \(tree.leaves[position])")
        }
        guard tensor.dtype.isFloatingPoint else {
            throw ProgramError(.untraceable, "the loss is of \(tensor.dtype); gradients need a real floating-point loss")
        }
        let isOne: SymBool = tensor.count == SymInt(1)
        guard decide(isOne) == true else {
            throw ProgramError(
                .untraceable, "the loss has shape \(tensor.shape); gradients need one element: use sum() or mean() over it")
        }
        return (position, tensor)
    }

    // MARK: The program

    /// Gives the outputs of what was traced their roles, and leaves out gradients that no path has.
    func parts(from traced: ProgramParts) throws -> ProgramParts {
        guard case .tuple(let nested) = traced.callSpec.outSpec, nested.count == 2, let outSpec = nested.first else {
            throw ProgramError(.invalidGraph, "a joint program gives a result and gradients, not \(traced.callSpec.outSpec)")
        }
        guard isUsed.contains(true) else {
            throw ProgramError(
                .untraceable,
                sourceCount == 0
                    ? "there is nothing to take gradients of: the model has no parameter that requires one, and withRespectTo is empty"
                    : "the loss depends on none of the parameters and inputs that gradients are asked of")
        }
        var parts: ProgramParts = traced
        let userInputs: [String] = zip(traced.graph.inputs, traced.inputRoles).filter { $1 == .userInput }.map { traced.graph.name($0.0) }
        let tensorLeaves: [Int] = traced.leafRoles.indices.filter { if case .input = traced.leafRoles[$0] { true } else { false } }
        (parts.graph.outputs, parts.outputRoles, keptLeaves) = ([], [], [])
        let resultStart: Int = traced.outputRoles.count - outSpec.leafCount - sourceCount
        for (position, output) in traced.graph.outputs.enumerated() {
            let leaf: Int = position - resultStart
            let source: Int = leaf - outSpec.leafCount
            var role: OutputRole = traced.outputRoles[position]
            if leaf == lossPosition { role = .loss }
            if source >= 0 {
                if source < slots.count {
                    guard isUsed[source], let name = slots[source].names.first else { continue }
                    role = .gradientToParameter(name)
                } else {
                    let input: Int? = tensorLeaves.firstIndex(of: inputLeaves[source - slots.count])
                    guard let input, userInputs.indices.contains(input) else {
                        throw ProgramError(.invalidGraph, "a gradient is of an input that the program does not have")
                    }
                    role = .gradientToUserInput(userInputs[input])
                }
            }
            parts.graph.outputs.append(output)
            parts.outputRoles.append(role)
            if leaf >= 0 { keptLeaves.append(leaf) }
        }
        parts.graph = try DeadCodeElimination().run(parts.graph)
        parts.callSpec = CallSpec(inSpec: traced.callSpec.inSpec, outSpec: outSpec)
        return parts
    }

    /// What a run gives of what the program gives.
    func withoutUnusedGradients(_ tree: FlatTree) -> FlatTree {
        var tree: FlatTree = tree
        tree.leaves = keptLeaves.filter(tree.leaves.indices.contains).map { tree.leaves[$0] }
        return tree
    }
}
