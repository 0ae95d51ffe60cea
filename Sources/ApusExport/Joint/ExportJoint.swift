import ApusNN
import ApusProgram
import ApusTensor

/// Traces a function that ends in a loss, and the gradients of that loss, into one program: forward and backward in one graph.
///
///     let joint = try exportJoint({ (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, of: model, args: images, labels)
///     let step = try joint.valueAndGradients(images, labels)
///     try optimizer.step(step.gradients)
///
/// The gradient rules run through the same tracer as the function, so everything that `export` promises holds for the backward part too:
/// dynamic sizes, every branch, reloading from a file. Buffers that the function changes, such as running statistics, are changed by a
/// run of the program. `graphSignature.backwardSignature` says which output is which gradient.
///
/// A parameter on which the loss depends on no path has no gradient output. One on which it depends on some paths only has a gradient of
/// zeros on the others, where eager has none.
///
/// - Parameters:
///   - function: gives the loss, or a result with the loss in it.
///   - model: its parameters get gradients, each once where it is tied; those with `requiresGradient == false` get none.
///   - args: example inputs, as for `export`.
///   - inputs: those of the example tensors whose gradients are wanted too. The same tensors as in `args`.
///   - loss: which leaf of a result with several is the loss, counted from 0.
///   - constraints: which sizes are dynamic, as for `export`.
///   - names: the arguments' names, as for `export`.
///   - branches: what happens at questions that the declared inputs leave open, as for `export`.
///   - selfCheck: whether loss and gradients of each path are compared with eager's before the program is returned.
/// - Throws: as `export`; `ProgramError` where the loss is not one real floating-point element, where it depends on nothing that gets a
///   gradient, where several results leave open which is the loss, and where an operation on the way has no gradient.
public func exportJoint<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, of model: any Module, args: repeat each Input, withRespectTo inputs: [Tensor] = [],
    loss: Int? = nil, constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(),
    selfCheck: Bool = true
) throws -> ExportedProgram {
    let request = JointRequest(inputs: inputs, loss: loss)
    return try exportPack(function, (repeat each args), model, constraints, names, branches, selfCheck, joint: request)
}

/// Traces a function of tensors that ends in a loss, and the loss's gradients with respect to some of its arguments, into one program.
///
///     let joint = try exportJoint({ (x: Tensor) in try x.sin().sum() }, args: x, withRespectTo: [x])
///
/// Tensors that the function captures are constants. Otherwise as `exportJoint(_:of:args:)`.
public func exportJoint<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, args: repeat each Input, withRespectTo inputs: [Tensor], loss: Int? = nil,
    constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(),
    selfCheck: Bool = true
) throws -> ExportedProgram {
    let request = JointRequest(inputs: inputs, loss: loss)
    return try exportPack(function, (repeat each args), nil, constraints, names, branches, selfCheck, joint: request)
}

extension EntryPoint {
    /// A function that ends in a loss, traced together with the loss's gradients.
    /// - Parameters: as for `exportJoint`, and `isTraining` as for the initialiser.
    public static func joint<each Input, Output>(
        _ function: @escaping (repeat each Input) throws -> Output, args: repeat each Input, withRespectTo inputs: [Tensor] = [],
        loss: Int? = nil, constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(),
        selfCheck: Bool = true, isTraining: Bool? = nil
    ) -> EntryPoint {
        let arguments = (repeat each args)
        let request = JointRequest(inputs: inputs, loss: loss)
        return EntryPoint { model in
            try inMode(isTraining, model) {
                try exportPack(function, (repeat each arguments), model, constraints, names, branches, selfCheck, joint: request)
            }
        }
    }
}

/// Runs the body while the model trains or evaluates, and puts every module back into its own mode. Nil leaves the modes alone.
func inMode<Result>(_ isTraining: Bool?, _ model: (any Module)?, _ body: () throws -> Result) throws -> Result {
    guard let isTraining, let model else { return try body() }
    let modules: [any Module] = try model.modules()
    let saved: [Bool] = modules.map(\.isTraining)
    defer { for (module, mode) in zip(modules, saved) { module.isTraining = mode } }
    for module in modules { module.isTraining = isTraining }
    return try body()
}
