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
///   - model: what the function uses: its parameters and buffers become the program's own.
///   - args: example inputs. Tensors give dtype, rank and static sizes; plain values are fixed.
///   - constraints: which sizes are dynamic and what they may be, beside those of the options.
///   - options: names, branches, and what else there is to choose.
/// - Throws: `ConstraintViolationError` where the function needs more than is declared, `ProgramError` where it can't be traced, and what
///   the function itself throws.
public func export<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, of model: (any Module)? = nil, args: repeat each Input,
    constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) throws -> ExportedProgram {
    try exportPack(function, model, (repeat each args), options.adding(constraints))
}

/// Traces a module's `forward` of one argument, as `export` of a function does. Parameters and buffers become the program's own.
public func export<Model: Module>(
    _ model: Model, args x: Model.Input, constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) throws -> ExportedProgram {
    try export({ (x: Model.Input) in try model(x) }, of: model, args: x, constraints: constraints, options: options)
}

/// Traces a module's `forward` of two arguments.
public func export<Model: Module>(
    _ model: Model, args x: Model.FirstOfTwo, _ y: Model.SecondOfTwo, constraints: [any ConstraintConvertible] = [],
    options: ExportOptions = ExportOptions()
) throws -> ExportedProgram {
    try export(
        { (x: Model.FirstOfTwo, y: Model.SecondOfTwo) in try model(x, y) }, of: model, args: x, y, constraints: constraints,
        options: options)
}

/// Traces a module's `forward` of three arguments.
public func export<Model: Module>(
    _ model: Model, args x: Model.FirstOfThree, _ y: Model.SecondOfThree, _ z: Model.ThirdOfThree,
    constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) throws -> ExportedProgram {
    try export(
        { (x: Model.FirstOfThree, y: Model.SecondOfThree, z: Model.ThirdOfThree) in try model(x, y, z) }, of: model, args: x, y, z,
        constraints: constraints, options: options)
}

func exportPack<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, _ model: (any Module)?, _ arguments: (repeat each Input), _ options: ExportOptions,
    _ collector: FailureCollector? = nil, joint request: JointRequest? = nil
) throws -> ExportedProgram {
    // What an earlier question of the caller left is not the function's.
    try TensorError.throwPendingFault()
    let scope = SymbolScope()
    let declared = try declare((repeat each arguments), options, scope)
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
            declared: declared, model: state, options: options, collector: collector,
            function: { leaves in try joint.map { try $0.run(leaves, forward) } ?? forward(leaves) }, joint: joint)
        return try exporter.export()
    }
}

/// Flattens the example arguments, names their leaves, and declares their sizes.
private func declare<each Input>(
    _ arguments: (repeat each Input), _ options: ExportOptions, _ scope: SymbolScope
) throws -> DeclaredInputs {
    var leaves: [LeafValue] = []
    var leafNames: [String] = []
    var specs: [TreeSpec] = []
    let defaults = ["x", "y", "z"]
    for argument in repeat each arguments {
        let index = specs.count
        let name =
            options.names.flatMap { index < $0.count ? $0[index] : nil } ?? (index < defaults.count ? defaults[index] : "arg\(index)")
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
    return try InputDeclaration(tree: tree, names: leafNames, scope: scope).declare(options.constraints.map(\.constraint))
}
