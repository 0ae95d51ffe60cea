import ApusTensor

extension ModuleGradients {
    /// The norm of all gradients together, the Euclidean one or one of another order, `.infinity` for the largest magnitude; a tied parameter's counts
    /// once. After `torch.nn.utils.get_total_norm`.
    public func norm(_ order: any ScalarConvertible = 2) throws -> Double {
        let order: Double = try order.plainNumber("order", in: "norm")
        return try Interpreter.with(nil) {
            let parts: [Double] = try entries.compactMap(\.gradient).map { gradient in
                // Squares of half-precision gradients would overflow.
                let wide: Tensor = try gradient.to(gradient.dtype.accumulation)
                return try wide.reshaped([-1]).norm(order).array(of: Double.self)[0]
            }
            if parts.isEmpty { return 0 }
            return try Tensor(parts, shape: [parts.count]).norm(order).array(of: Double.self)[0]
        }
    }

    /// The gradients scaled so that their norm, of the order given, is at most `maxNorm`, after `torch.nn.utils.clip_grad_norm_`.
    ///
    /// - Throws: `TensorError` where the norm is infinite or NaN: no scale would help.
    public func clipped(maxNorm: any ScalarConvertible, order: any ScalarConvertible = 2) throws -> ModuleGradients {
        let maxNorm: Double = try maxNorm.plainNumber("maxNorm", in: "clipped")
        let norm = try norm(order)
        guard norm.isFinite else {
            throw TensorError(.invalidArgument, in: "clipped", "the norm of the gradients is \(norm); look for NaN or infinity in the loss")
        }
        let scale = maxNorm / (norm + 1e-6)
        return scale >= 1 ? self : try Interpreter.with(nil) { try map { try $0 * scale } }
    }

    /// The gradients with every element brought to between `-value` and `value`, after `torch.nn.utils.clip_grad_value_`.
    public func clipped(value: any ScalarConvertible) throws -> ModuleGradients {
        let value: Double = try value.plainNumber("value", in: "clipped")
        guard value >= 0 else { throw TensorError(.invalidArgument, in: "clipped", "the largest value must not be below 0, not \(value)") }
        return try Interpreter.with(nil) { try map { try $0.clamp(min: -value, max: value) } }
    }

    /// The elements of all gradients one after another, in the order of `Module.parameterVector()`.
    ///
    /// - Throws: `TensorError` where a parameter has no gradient.
    public func vector() throws -> Tensor {
        try Tensor.cat(
            try entries.map { entry in
                guard let gradient = entry.gradient else {
                    throw TensorError(.invalidArgument, in: "vector", "the parameter '\(entry.names.first ?? "")' has no gradient")
                }
                return try gradient.reshaped([-1])
            })
    }
}

extension Module {
    /// The elements of all parameters one after another, each parameter once, after `torch.nn.utils.parameters_to_vector`.
    public func parameterVector() throws -> Tensor {
        try Tensor.cat(try ModuleState(of: self).vectorSlots().map { try $0.tensor.reshaped([-1]) })
    }

    /// Sets all parameters from their elements one after another, after `torch.nn.utils.vector_to_parameters`. Nothing is changed when it fails.
    ///
    /// - Throws: `TensorError` where the vector is not of as many elements as the parameters have, or of another dtype.
    public func load(parameterVector: Tensor) throws {
        let slots: [ModuleState.Slot] = try ModuleState(of: self).vectorSlots()
        let sizes: [Int] = try slots.map { try $0.tensor.sizes.reduce(1, *) }
        let count: Int = sizes.reduce(0, +)
        guard try parameterVector.sizes == [count], slots.allSatisfy({ $0.tensor.dtype == parameterVector.dtype }) else {
            throw TensorError(
                .shapeMismatch, in: "load",
                "the parameters are \(count) elements of \(slots.first?.tensor.dtype ?? .float32), not \(parameterVector.spec)")
        }
        let parts: [Tensor] = try parameterVector.split(sizes)
        let values: [Tensor] = try zip(slots, parts).map { try $1.reshaped($0.tensor.sizes).clone() }
        for (slot, value) in zip(slots, values) { slot.set(value) }
    }
}

extension ModuleState {
    /// The parameters of a vector, which must be of one dtype.
    fileprivate func vectorSlots() throws -> [Slot] {
        let found: [Slot] = slots.filter(\.isParameter)
        guard !found.isEmpty, Set(found.map(\.tensor.dtype)).count == 1 else {
            throw TensorError(
                .dtypeMismatch, in: "parameterVector",
                "needs parameters of one dtype; those of \(moduleType) are \(Set(found.map(\.tensor.dtype)))")
        }
        return found
    }
}
