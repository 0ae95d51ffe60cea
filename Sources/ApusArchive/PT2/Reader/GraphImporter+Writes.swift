import ApusGraph
import ApusSymbolic
import ApusTensor

// Operators that write into their first argument.

extension GraphImporter {
    /// `add_` and its like: the functional operator's result becomes the contents of the first argument.
    func importInPlace(_ operation: Operator, _ node: ProgramSchema.Node) throws {
        let target = try firstCell(node)
        let old = try aliases.read(target)
        let (operation, arguments) = try bind(operation, node)
        let results = try apply(operation, arguments)
        guard results.count == 1, case .tensor(let value) = results[0] else {
            throw ArchiveError(.unsupported, "an in-place operator with \(results.count) results is not supported")
        }
        try write(value, over: old, in: target)
        try defineTensor(node, target)
    }

    func importOverwrite(_ kind: ImportTarget.Overwrite, _ node: ProgramSchema.Node) throws {
        let target = try firstCell(node)
        let old = try aliases.read(target)
        let value: Tensor
        switch kind {
        case .zero: value = try old.fullLike(0)
        case .copy:
            guard case .tensor(let reference)? = argument(node, "src") else {
                throw ArchiveError(.invalidProgram, "the argument 'src' is missing")
            }
            value = try tensor(reference.name)
        case .fill:
            guard let given = argument(node, "value") else { throw ArchiveError(.invalidProgram, "the argument 'value' is missing") }
            if case .tensor(let reference) = given {
                value = try tensor(reference.name)
            } else {
                switch try symValue(given) {
                case .int(let number): value = try old.fullLike(number)
                case .float(let number): value = try old.fullLike(number)
                case .bool(let condition):
                    guard let known = condition.constant else {
                        throw ArchiveError(.unsupported, "filling with an open condition is not supported")
                    }
                    value = try old.fullLike(known)
                }
            }
        }
        try write(value, over: old, in: target)
        try defineTensor(node, target)
    }

    /// `copy`: what `copy_` would have written, as a tensor of its own.
    func importCopied(_ node: ProgramSchema.Node) throws {
        let old = try aliases.read(try firstCell(node))
        guard case .tensor(let reference)? = argument(node, "src") else {
            throw ArchiveError(.invalidProgram, "the argument 'src' is missing")
        }
        try defineOutputs(node, [.tensor(aliases.fresh(try fitted(try tensor(reference.name), to: old).clone()))])
    }

    private func fitted(_ value: Tensor, to old: Tensor) throws -> Tensor {
        let value = try value.to(old.dtype)
        return value.shape.isIdentical(to: old.shape) ? value : try value.expanded(old.shape)
    }

    /// Contents take on the dtype and shape of the tensor they are written into.
    func write(_ value: Tensor, over old: Tensor, in target: AliasTracker.Cell) throws {
        try aliases.write(target, try fitted(value, to: old))
    }

    /// `t_`, `squeeze_` and their like.
    func importRestride(_ operation: Operator, _ node: ProgramSchema.Node) throws {
        let target = try firstCell(node)
        let old = try aliases.read(target)
        let arguments = try self.arguments.arguments(of: node, for: operation.schema)
        let result = try applySingle(operation, arguments)
        let steps = try ViewStep.steps(operation, arguments, of: old, giving: [result])
        aliases.restride(target, steps[0], result)
        try defineTensor(node, target)
    }
}

extension GraphImporter {
    /// Batch normalisation in training mode changes its running statistics, which its schema does not say.
    func importBatchNorm(_ operation: Operator, _ node: ProgramSchema.Node) throws {
        if operation.schema.name == "instance_norm" { return try importInstanceNorm(operation, node) }
        let alwaysUpdates: Bool = operation.schema.name == "_batch_norm_with_update_functional"
        if !alwaysUpdates {
            guard case .bool(true)? = argument(node, "training") else { return try importPlain(operation, node) }
        }
        guard case .tensor(let mean)? = argument(node, "running_mean"), case .tensor(let variance)? = argument(node, "running_var") else {
            return try importPlain(operation, node)
        }
        let legit: Operator? = OperatorTable.find("aten::_native_batch_norm_legit_functional")
        guard let functional = alwaysUpdates ? operation : legit else {
            throw ArchiveError(.unknownOperators, "batch normalisation in training mode needs an operator that is not there")
        }
        let results = try apply(functional, try arguments.arguments(of: node, for: functional.schema))
        guard results.count >= 5, case .tensor(let newMean) = results[results.count - 2],
            case .tensor(let newVariance) = results[results.count - 1]
        else {
            throw ArchiveError(.unsupported, "batch normalisation gave \(results.count) results")
        }
        for (reference, value) in [(mean, newMean), (variance, newVariance)] {
            let target = try cell(reference.name)
            try write(value, over: try aliases.read(target), in: target)
        }
        try defineOutputs(node, try flatten(Array(results.prefix(alwaysUpdates ? 4 : operation.schema.results.count))))
    }

    /// As batch normalisation, for each example by itself.
    private func importInstanceNorm(_ operation: Operator, _ node: ProgramSchema.Node) throws {
        guard case .bool(true)? = argument(node, "use_input_stats"), case .tensor(let mean)? = argument(node, "running_mean"),
            case .tensor(let variance)? = argument(node, "running_var")
        else { return try importPlain(operation, node) }
        var arguments = try self.arguments.arguments(of: node, for: operation.schema)
        guard arguments.count == 9, case .tensor(let x) = arguments[0], let momentum = try Call(operation, arguments).optionalDouble(6)
        else {
            throw ArchiveError(.invalidProgram, "instance normalisation has the wrong arguments")
        }
        let (meanCell, varianceCell) = (try cell(mean.name), try cell(variance.name))
        let (oldMean, oldVariance) = (try aliases.read(meanCell), try aliases.read(varianceCell))
        (arguments[3], arguments[4]) = (.none, .none)
        let results = try apply(operation, arguments)
        let moved = try Operator.instanceStatistics(of: x, mean: oldMean, variance: oldVariance, momentum: momentum)
        try write(moved.mean, over: oldMean, in: meanCell)
        try write(moved.variance, over: oldVariance, in: varianceCell)
        try defineOutputs(node, try flatten(results))
    }
}
