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
///   - model: its parameters get gradients, each once where it is tied; those with `requiresGradient == false` get none. Without a model the
///     tensors that the function captures are constants.
///   - args: example inputs, as for `export`.
///   - inputs: those of the example tensors whose gradients are wanted too. The same tensors as in `args`.
///   - loss: which leaf of a result with several is the loss, counted from 0.
///   - constraints: which sizes are dynamic, as for `export`.
///   - options: as for `export`.
/// - Throws: as `export`; `ProgramError` where the loss is not one real floating-point element, where it depends on nothing that gets a
///   gradient, where several results leave open which is the loss, and where an operation on the way has no gradient.
public func exportJoint<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, of model: (any Module)? = nil, args: repeat each Input,
    withRespectTo inputs: [Tensor] = [], loss: Int? = nil, constraints: [any ConstraintConvertible] = [],
    options: ExportOptions = ExportOptions()
) throws -> ExportedProgram {
    let request = JointRequest(inputs: inputs, loss: loss)
    return try exportPack(function, model, (repeat each args), options.adding(constraints), joint: request)
}
