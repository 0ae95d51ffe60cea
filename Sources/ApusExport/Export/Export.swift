import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Traces a function through every branch that its declared inputs leave open, and gives a program that computes the same.
///
///     func f(x: Tensor) throws -> Tensor { x.shape[0] > 3 ? try x.cos() : try x.sin() }
///     let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
///     let y: Tensor = try program(x)
///
/// - Parameters:
///   - function: takes and returns tensors, numbers, strings, nil, and tuples, arrays and dictionaries of them. It runs once for each path,
///     so what it prints is printed as often. Tensors that it captures become constants of the program.
///   - args: example inputs. Tensors give dtype, rank and static sizes; plain values are fixed.
///   - constraints: which sizes are dynamic and what they may be, in any order. Dimensions that none names are static.
///   - names: the arguments' names in messages and in the graph; `x`, `y`, `z`, `arg3` ... by default.
///   - branches: what happens at questions that the declared inputs leave open.
///   - selfCheck: after tracing, the function and the program run side by side on an input of each path, and must agree. It runs the
///     function once more for each path, on real data.
///   - log: is told of every symbol, question and specialisation; by default standard error where `APUS_LOG=guards`.
/// - Throws: `ConstraintViolationError` where the function needs more than is declared, `ProgramError` where it can't be traced, and what
///   the function itself throws.
public func export<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, args: repeat each Input, constraints: [any ConstraintConvertible] = [],
    names: [String]? = nil, branches: BranchPolicy = .explore(), selfCheck: Bool = true,
    log: ExportLog? = .fromEnvironment
) throws -> ExportedProgram {
    try exportPack(function, (repeat each args), nil, constraints, names, branches, selfCheck, log)
}

/// Traces a module's `forward` of one argument, as `export` of a function does. Parameters and buffers become the program's own.
public func export<Model: Module>(
    _ model: Model, args x: Model.Input, constraints: [any ConstraintConvertible] = [], names: [String]? = nil,
    branches: BranchPolicy = .explore(), selfCheck: Bool = true,
    log: ExportLog? = .fromEnvironment
) throws -> ExportedProgram {
    try exportPack({ (x: Model.Input) in try model(x) }, (x), model, constraints, names, branches, selfCheck, log)
}

/// Traces a module's `forward` of two arguments.
public func export<Model: Module>(
    _ model: Model, args x: Model.FirstOfTwo, _ y: Model.SecondOfTwo, constraints: [any ConstraintConvertible] = [],
    names: [String]? = nil, branches: BranchPolicy = .explore(), selfCheck: Bool = true,
    log: ExportLog? = .fromEnvironment
) throws -> ExportedProgram {
    try exportPack(
        { (x: Model.FirstOfTwo, y: Model.SecondOfTwo) in try model(x, y) }, (x, y), model, constraints, names, branches, selfCheck, log)
}

/// Traces a module's `forward` of three arguments.
public func export<Model: Module>(
    _ model: Model, args x: Model.FirstOfThree, _ y: Model.SecondOfThree, _ z: Model.ThirdOfThree,
    constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(), selfCheck: Bool = true,
    log: ExportLog? = .fromEnvironment
) throws -> ExportedProgram {
    try exportPack(
        { (x: Model.FirstOfThree, y: Model.SecondOfThree, z: Model.ThirdOfThree) in try model(x, y, z) }, (x, y, z), model, constraints,
        names, branches, selfCheck, log)
}

/// Traces a function that uses a model: its parameters and buffers become the program's own.
public func export<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, of model: any Module, args: repeat each Input,
    constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(), selfCheck: Bool = true,
    log: ExportLog? = .fromEnvironment
) throws -> ExportedProgram {
    try exportPack(function, (repeat each args), model, constraints, names, branches, selfCheck, log)
}

func exportPack<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, _ arguments: (repeat each Input), _ model: (any Module)?,
    _ constraints: [any ConstraintConvertible], _ names: [String]?, _ branches: BranchPolicy, _ selfCheck: Bool,
    _ log: ExportLog? = .fromEnvironment, _ collector: FailureCollector? = nil, joint request: JointRequest? = nil
) throws -> ExportedProgram {
    // What an earlier question of the caller left is not the function's.
    try TensorError.throwPendingFault()
    let scope = SymbolScope()
    let declared = try declare((repeat each arguments), names, constraints, scope)
    let state = try model.map { try ModuleState(of: $0) }
    let joint = try request.map { try $0.resolved(declared, state) }
    return try withoutActuallyEscaping(function) { function in
        let forward: ([LeafValue]) throws -> FlatTree = { leaves in
            guard case .tuple(let specs) = declared.tree.spec else { throw ProgramError(.structureMismatch, "arguments are a tuple") }
            var rest = leaves[...]
            var next = specs.makeIterator()
            func rebuilt<Value>(_ example: Value) throws -> Value {
                guard let spec = next.next() else { throw ProgramError(.structureMismatch, "more arguments than were declared") }
                return try rebuild(example, from: &rest, spec)
            }
            return try flatten(try function(repeat try rebuilt(each arguments)))
        }
        let exporter = Exporter(
            declared: declared, model: state, policy: branches, selfCheck: selfCheck, collector: collector, log: log,
            function: { leaves in try joint.map { try $0.run(leaves, forward) } ?? forward(leaves) })
        guard let joint else { return try exporter.export() }
        return try joint.program(from: try exporter.export())
    }
}

/// Flattens the example arguments, names their leaves, and declares their sizes.
private func declare<each Input>(
    _ arguments: (repeat each Input), _ names: [String]?, _ constraints: [any ConstraintConvertible], _ scope: SymbolScope
) throws -> DeclaredInputs {
    var leaves: [LeafValue] = []
    var leafNames: [String] = []
    var specs: [TreeSpec] = []
    let defaults = ["x", "y", "z"]
    for argument in repeat each arguments {
        let index = specs.count
        let name = names.flatMap { index < $0.count ? $0[index] : nil } ?? (index < defaults.count ? defaults[index] : "arg\(index)")
        let tree = try flatten(argument)
        leaves += tree.leaves
        leafNames += tree.paths.map { name + $0 }
        specs.append(tree.spec)
    }
    for leaf in leaves {
        if case .tensor(let tensor) = leaf, tensor.isTraced {
            throw ProgramError(.untraceable, "an example argument is a traced tensor; pass tensors with data")
        }
    }
    let tree = FlatTree(leaves: leaves, spec: .tuple(specs), paths: leafNames)
    return try InputDeclaration(tree: tree, names: leafNames, scope: scope).declare(constraints.map(\.constraint))
}
