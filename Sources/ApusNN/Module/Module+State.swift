import ApusTensor

// All of these walk the module by reflection. What gives tensors does not throw: a property that can't be part of a module is among them, last
// and under its name, as a tensor without values, and whatever is done with it throws what is wrong. So nothing is lost on the way from a
// module to a file. Everything else throws `ModuleError` at once, with all such properties: `load`, `export`, optimizers and gradients too.

extension Module {
    /// The parameters, each once, also where it has several names.
    public func parameters() -> [Tensor] {
        let found = FoundState(self)
        return found.state.slots.filter(\.isParameter).map(\.tensor) + found.faults.map(\.tensor)
    }

    /// The parameters by dotted name, in order; a tied one under each of its names.
    public func namedParameters() -> [(name: String, tensor: Tensor)] {
        let found = FoundState(self)
        return found.state.parameters.map { ($0.name, $0.tensor) } + found.faults
    }

    /// The buffers, each once.
    public func buffers() -> [Tensor] {
        let found = FoundState(self)
        return found.state.slots.filter { !$0.isParameter }.map(\.tensor) + found.faults.map(\.tensor)
    }

    /// The buffers by dotted name, in order, with those that are not saved.
    public func namedBuffers() -> [(name: String, tensor: Tensor)] {
        let found = FoundState(self)
        return found.state.buffers.map { ($0.name, $0.tensor) } + found.faults
    }

    /// The module and all its submodules, each once.
    public func modules() throws -> [any Module] {
        var seen: Set<ObjectIdentifier> = []
        return try ModuleState(of: self).modules.map(\.module).filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    /// The module, whose path is empty, and all its submodules, each under every path that leads to it.
    public func namedModules() throws -> [(path: String, module: any Module)] {
        try ModuleState(of: self).modules
    }

    /// Sets the training mode of the module and all its submodules.
    @discardableResult
    public func train(_ mode: Bool = true) throws -> Self {
        for module in try modules() { module.isTraining = mode }
        return self
    }

    /// Sets the module and all its submodules to evaluate: no dropout, running statistics.
    @discardableResult
    public func eval() throws -> Self { try train(false) }

    /// Converts floating-point parameters and buffers to another floating-point or complex dtype; integers stay as they are.
    @discardableResult
    public func to(_ dtype: DType) throws -> Self {
        guard dtype.isDifferentiable else {
            throw TensorError(.dtypeMismatch, in: "to", "a module can be converted to floating-point and complex dtypes, not to \(dtype)")
        }
        let state = try ModuleState(of: self)
        let converted: [(slot: ModuleState.Slot, tensor: Tensor)] = try state.slots
            .filter { $0.tensor.dtype.isDifferentiable }.map { ($0, try $0.tensor.to(dtype)) }
        for (slot, tensor) in converted { slot.set(tensor) }
        return self
    }

    /// Lets training change the parameters, or keeps it from them.
    @discardableResult
    public func requireGradients(_ value: Bool = true) throws -> Self {
        for entry in try ModuleState(of: self).parameters { entry.box.requiresGradient = value }
        return self
    }
}
