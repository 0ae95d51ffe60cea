import ApusProgram
import ApusSymbolic

/// How `export`, `exportJoint`, `exportReport` and entry points trace: what they all take beside the function and its example arguments.
///
///     try export(f, args: x, options: ExportOptions(constraints: [dynamicDim(x, 0)], branches: .explore(limit: 128)))
public struct ExportOptions: Sendable {
    /// Which sizes are dynamic and what they may be, in any order. Dimensions that none names are static. Those of the call, `constraints:`,
    /// come on top.
    public var constraints: [any ConstraintConvertible]
    /// The arguments' names in messages and in the graph; nil for `x`, `y`, `z`, `arg3` ...
    public var names: [String]?
    /// What happens at questions that the declared inputs leave open.
    public var branches: BranchPolicy
    /// Whether after tracing the function and the program (of a joint program the gradients, too) run side by side on an input of each path,
    /// and must agree. It runs the function once more for each path, on real data.
    public var selfCheck: Bool
    /// Is told of every symbol, question and specialisation; by default standard error where `APUS_LOG=guards`.
    public var log: ExportLog?

    public init(
        constraints: [any ConstraintConvertible] = [], names: [String]? = nil, branches: BranchPolicy = .explore(), selfCheck: Bool = true,
        log: ExportLog? = .fromEnvironment
    ) {
        self.constraints = constraints
        self.names = names
        self.branches = branches
        self.selfCheck = selfCheck
        self.log = log
    }

    func adding(_ more: [any ConstraintConvertible]) -> ExportOptions {
        var options: ExportOptions = self
        options.constraints += more
        return options
    }
}

/// How `export` treats questions that the declared inputs leave open.
public enum BranchPolicy: Sendable {
    /// Traces both outcomes, up to a number of paths.
    case explore(limit: Int = 64)
    /// Keeps the example's path and demands constraints that imply it.
    case guardExample
}
