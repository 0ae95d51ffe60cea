import ApusTensor

extension LBFGS {
    /// What L-BFGS knows of the loss: its last steps, and how the gradient changed over them.
    struct Curvature {
        var iterations = 0
        var evaluations = 0
        private(set) var direction = Tensor(fault: "there is no direction before the first step")
        /// Of the last step, in directions.
        var length = 0.0
        private var changes: [Tensor] = []
        private var steps: [Tensor] = []
        private var inverses: [Double] = []
        private var scale = 1.0
        private var lastGradient: Tensor?

        /// The next direction: the gradient by the approximate inverse of the Hessian, downwards. The two-loop recursion of Nocedal, 1980.
        mutating func turn(to gradient: Tensor, historySize: Int) throws {
            defer { lastGradient = gradient }
            guard let lastGradient else {
                direction = try gradient.neg()
                return
            }
            let change: Tensor = try gradient - lastGradient
            let step: Tensor = try direction * length
            let curve: Double = try dot(change, step)
            if curve > 1e-10 {
                if changes.count == historySize {
                    changes.removeFirst()
                    steps.removeFirst()
                    inverses.removeFirst()
                }
                changes.append(change)
                steps.append(step)
                inverses.append(1 / curve)
                scale = curve / (try dot(change, change))
            }
            var weights: [Double] = Array(repeating: 0, count: changes.count)
            var next: Tensor = try gradient.neg()
            for index in changes.indices.reversed() {
                weights[index] = try dot(steps[index], next) * inverses[index]
                next = try next.sub(changes[index], alpha: weights[index])
            }
            next = try next * scale
            for index in changes.indices {
                let weight: Double = weights[index] - (try dot(changes[index], next) * inverses[index])
                next = try next.add(steps[index], alpha: weight)
            }
            direction = next
        }
    }
}

// MARK: - Saving and loading

extension LBFGS.Curvature {
    func stateDict() throws -> [String: Tensor] {
        func number(_ value: Double) throws -> Tensor { try Tensor([value], shape: []) }
        guard let lastGradient else { return [:] }
        var result: [String: Tensor] = [
            "n_iter": try Tensor([iterations], shape: []), "func_evals": try Tensor([evaluations], shape: []), "d": direction,
            "t": try number(length), "H_diag": try number(scale), "prev_flat_grad": lastGradient,
        ]
        if !changes.isEmpty {
            result["old_dirs"] = try Tensor.stack(changes)
            result["old_stps"] = try Tensor.stack(steps)
            result["ro"] = try Tensor(inverses, shape: [inverses.count])
        }
        return result
    }

    /// - Parameter count: the parameters' elements
    init(_ state: [String: Tensor], count: Int, prefix: String, _ report: inout StateDictMismatch) throws {
        guard !state.isEmpty else { return }
        let numbers: [String] = ["n_iter", "func_evals", "t", "H_diag"]
        let vectors: [String] = ["d", "prev_flat_grad"]
        let lists: [String] = ["old_dirs", "old_stps", "ro"]
        report.unexpected += state.keys.filter { !(numbers + vectors + lists).contains($0) }.map { prefix + $0 }.sorted()
        let kept: Int? = state["ro"].flatMap { $0.shape.constants?.first }
        let rows: [String] = lists.contains { state[$0] != nil } ? lists : []
        report.missing += (numbers + vectors + rows).filter { state[$0] == nil }.map { prefix + $0 }
        let dtype: DType = state["d"]?.dtype ?? .float32
        func require(_ name: String, _ sizes: [Int], _ dtypes: [DType]) throws {
            guard let tensor = state[name], !(dtypes.contains(tensor.dtype) && tensor.shape.constants == sizes) else { return }
            report.mismatched.append(
                .init(name: prefix + name, expected: TensorSpec(dtypes[0], try Shape(sizes)), found: tensor.spec))
        }
        for name in numbers { try require(name, [], name == "n_iter" || name == "func_evals" ? [.int64] : [.float64, .float32]) }
        for name in vectors { try require(name, [count], dtype.isFloatingPoint ? [dtype] : [.float32]) }
        try require("old_dirs", [kept ?? 0, count], [dtype])
        try require("old_stps", [kept ?? 0, count], [dtype])
        try require("ro", [kept ?? 0], [.float64, .float32])
        guard report.missing.isEmpty, report.mismatched.isEmpty else { return }
        func whole(_ name: String) throws -> Int {
            let given: Int = try state[name]?.array(of: Int.self).first ?? 0
            guard (0...(1 << 53)).contains(given) else {
                throw TensorError(.invalidArgument, in: "LBFGS", "'\(prefix + name)' is \(given), which counts nothing")
            }
            return given
        }
        func number(_ name: String) throws -> Double { try state[name]?.array(of: Double.self).first ?? 0 }
        (iterations, evaluations) = (try whole("n_iter"), try whole("func_evals"))
        (length, scale) = (try number("t"), try number("H_diag"))
        direction = state["d"] ?? direction
        lastGradient = state["prev_flat_grad"]
        changes = try state["old_dirs"]?.unbind(dim: 0) ?? []
        steps = try state["old_stps"]?.unbind(dim: 0) ?? []
        inverses = try state["ro"]?.array(of: Double.self) ?? []
    }
}
