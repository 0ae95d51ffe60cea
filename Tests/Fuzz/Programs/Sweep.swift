import Apus
import Dispatch
import Synchronization

extension RandomProgram {
    /// Exports the program and compares it with eager over its domain.
    /// - Parameter folder: where the archive for the round trip is written; nil to leave that out.
    public func verdict(seed: UInt64, folder: String?) -> Verdict {
        var random = SplitMix(seed: seed)
        do {
            let example: [Tensor] = try inputs(domain.example(&random), style: 0, &random)
            let program: ExportedProgram
            do { program = try exported(example) } catch { return try judge(error) { try throwsEverywhere(&random) } }
            var runners: [any Runner] = [try PlanRunner(name: "plan", program), try ExecutorRunner(program)]
            if !program.isJoint {
                let passes: [String] = LoweringPipeline.standard.names
                let skipped: [String] = random.below(3) == 0 ? passes : [passes[random.below(passes.count)]]
                runners.append(try SessionRunner(name: "session", program))
                runners.append(try SessionRunner(name: "session without \(skipped)", program.skipping(skipped)))
            }
            if let folder {
                do {
                    runners.append(try reloaded(program, folder))
                } catch let finding as FindingError where finding.finding.kind == .notLoaded {
                    // Loading may see that all inputs are rejected, where export did not.
                    return try throwsEverywhere(&random) ? .pointless : .finding(finding.finding)
                }
            }
            var count = 0
            for point in domain.points(&random) {
                for style in [0, 1 + random.below(RandomProgram.styles - 1)] {
                    let inputs: [Tensor] = try inputs(point, style: style, &random)
                    count += 1
                    var failsByNumbers = false
                    for runner in runners {
                        if let finding = try compare(runner, inputs, program.scope, &failsByNumbers) { return .finding(finding) }
                    }
                }
            }
            if let finding = try compareConcurrently(program, domain.points(&random), &random) { return .finding(finding) }
            return .agrees(points: count)
        } catch let finding as FindingError {
            return .finding(finding.finding)
        } catch {
            return .finding(Finding(kind: .untypedError, runner: "harness", detail: "\(type(of: error)): \(error)"))
        }
    }

    private struct FindingError: Error { let finding: Finding }

    private func exported(_ example: [Tensor]) throws -> ExportedProgram {
        let model = try Memory()
        let (x, y, numbers) = (example[0], example[1], example[2])
        let constraints: [any ConstraintConvertible] = domain.constraints(x, y)
        let function = { (x: Tensor, y: Tensor, numbers: Tensor) in try self([x, y, numbers], model) }
        guard isJoint else {
            return try export(
                function, of: model, args: x, y, numbers, constraints: constraints, options: ExportOptions(names: ["x", "y", "numbers"]))
        }
        return try exportJoint(
            { (x: Tensor, y: Tensor, numbers: Tensor) in
                let result = try function(x, y, numbers)
                return (try loss(result.tensor, x), result.number)
            }, of: model, args: x, y, numbers, withRespectTo: [x], loss: 0, constraints: constraints,
            options: ExportOptions(names: ["x", "y", "numbers"]))
    }

    private func reloaded(_ program: ExportedProgram, _ folder: String) throws -> any Runner {
        let path: String = folder + "/program.pt2"
        do { try program.save(to: path) } catch {
            throw FindingError(finding: Finding(kind: .notSaved, runner: "save", detail: "\(type(of: error)): \(error)"))
        }
        do {
            return try PlanRunner(name: "reloaded", ExportedProgram.load(from: path))
        } catch {
            throw FindingError(finding: Finding(kind: .notLoaded, runner: "load", detail: "\(type(of: error)): \(error)"))
        }
    }

    // MARK: Eager

    /// What eager gives: the tensor, for joint programs the loss with its gradient, and the number.
    private func eager(_ inputs: [Tensor], _ memory: Memory) throws -> (tensors: [Tensor], number: SymInt) {
        let tensors: [Tensor]
        var number: SymInt = 0
        if isJoint {
            let result = try valueAndGradient(at: [inputs[0]]) { sources in
                let result = try self(sources + inputs.dropFirst(), memory)
                number = result.number
                return try loss(result.tensor, sources[0])
            }
            tensors = [result.value] + result.gradients
        } else {
            let result = try self(inputs, memory)
            tensors = [result.tensor]
            number = result.number
        }
        try number.requireValid()
        // A question about an invalid number that no operation came after: the next one would throw it.
        try TensorError.throwPendingFault()
        return (tensors, number)
    }

    /// One that depends on the input, whatever the program does with it.
    private func loss(_ result: Tensor, _ x: Tensor) throws -> Tensor { try result.sum() + x.sum() * 0.5 }

    private func throwsEverywhere(_ random: inout SplitMix) throws -> Bool {
        for point in domain.points(&random) {
            for style in 0..<RandomProgram.styles {
                let inputs: [Tensor] = try inputs(point, style: style, &random)
                let returns: Bool = (try? eager(inputs, try Memory())) != nil
                _ = PendingFault.take()
                if returns { return false }
            }
        }
        return true
    }

    // MARK: Comparing

    /// Programs may be called from many threads at once: those that change no buffer give the same as alone.
    private func compareConcurrently(_ program: ExportedProgram, _ points: [[Int]], _ random: inout SplitMix) throws -> Finding? {
        guard program.graphSignature.buffersToMutate.isEmpty else { return nil }
        let calls: [[LeafValue]] = try points.prefix(4).map { try inputs($0, style: 0, &random).map { .tensor($0) } }
        let alone: [Tensor?] = calls.map { try? program.run(leaves: $0)[0].tensor }
        let together = Mutex([Tensor?](repeating: nil, count: calls.count))
        DispatchQueue.concurrentPerform(iterations: calls.count) { index in
            let result: Tensor? = try? program.run(leaves: calls[index])[0].tensor
            together.withLock { $0[index] = result }
        }
        for (a, b) in zip(alone, together.withLock { $0 }) {
            switch (a, b) {
            case (nil, nil): continue
            case (let a?, let b?):
                if let text = try difference(a, b) { return Finding(kind: .wrongValue, runner: "concurrent", detail: text) }
            default: return Finding(kind: .wrongValue, runner: "concurrent", detail: "a call fails beside others")
            }
        }
        return nil
    }

    /// - Parameter failsByNumbers: whether the program rejects the inputs since arithmetic does not fit. A file has other words for it: it
    ///   says what range a number must be in.
    private func compare(
        _ runner: any Runner, _ inputs: [Tensor], _ scope: SymbolScope, _ failsByNumbers: inout Bool
    ) throws -> Finding? {
        let before: Tensor = runner.eager.kept
        let invalid = InvalidNumbers()
        let bodyErrors = BodyErrors()
        let eager: Result<(tensors: [Tensor], number: SymInt), any Error> = Result {
            try InvalidNumbers.$current.withValue(invalid) {
                try BodyErrors.$current.withValue(bodyErrors) { try self.eager(inputs, runner.eager) }
            }
        }
        // A program that threw may have left a question about an invalid number behind.
        _ = PendingFault.take()
        let traced: Result<RunResults, any Error> = Result { try runner.run(inputs) }
        func finding(_ kind: Finding.Kind, _ text: String) throws -> Finding {
            let (x, y) = (inputs[0], inputs[1])
            let place = "x \(x.shape) \(try x.array(of: Float.self)), y \(y.shape) \(try y.array(of: Float.self))"
            return Finding(
                kind: kind, runner: runner.name, detail: "\(text)\n  at \(place), numbers \(try inputs[2].array(of: Int.self))")
        }
        // What one side of a branch does not use has a gradient of zero there, which is no number times a slope that is none.
        let hasInfiniteSlopes: Bool = try takesGradients && inputs.prefix(2).contains { try !$0.isfinite().all().item(Bool.self) }
        switch (eager, traced) {
        case (.failure, .failure(let error)):
            runner.eager.kept = before
            return isTyped(error) ? nil : try finding(.untypedError, "\(type(of: error)): \(error)")
        case (.failure(let error), .success(let results)):
            runner.eager.kept = before
            return try finding(.acceptsRejected, "eager throws '\(error)', the program gives \(results)")
        case (.success, .failure(let error)) where invalid.exist && (failsByNumbers || isNumberCheck(error, scope)):
            failsByNumbers = true
            runner.eager.kept = before
            return nil
        case (.success, .failure(let error)) where bodyErrors.exist && isTyped(error):
            runner.eager.kept = before
            return nil
        case (.success, .failure(let error)):
            return try finding(.rejectsAdmitted, "\(type(of: error)): \(error)")
        case (.success(let expected), .success(let results)):
            for (wanted, given) in zip(expected.tensors, results.tensors) {
                // No output where the loss depends on no path on the input: eager has zeros.
                let given: Tensor = try given ?? wanted.zerosLike()
                if let text = try difference(wanted, given, unlessNaN: hasInfiniteSlopes) { return try finding(.wrongValue, text) }
            }
            if !results.number.isIdentical(to: expected.number) {
                return try finding(.wrongValue, "\(results.number) where eager gives \(expected.number)")
            }
            if let kept = try runner.memory(), let text = try difference(runner.eager.kept, kept) {
                return try finding(.wrongMemory, text)
            }
            return nil
        }
    }

    /// Whether the program has a gradient in it.
    private var takesGradients: Bool { isJoint || "\(self)".contains(".gradient(") }

    /// Whether the program says that arithmetic of the function does not fit, which is documented, and nothing else.
    private func isNumberCheck(_ error: any Error, _ scope: SymbolScope) -> Bool {
        (error as? TensorError).map { scope.isNumberCheck($0.message) } ?? false
    }

    private func isTyped(_ error: any Error) -> Bool { error is TensorError || error is ProgramError || error is SymbolicError }

    /// - Parameter unlessNaN: takes what is no number for any.
    private func difference(_ expected: Tensor, _ tensor: Tensor, unlessNaN: Bool = false) throws -> String? {
        guard expected.dtype == tensor.dtype, expected.shape.isIdentical(to: tensor.shape) else {
            return "\(tensor.spec) where eager gives \(expected.spec)"
        }
        let wanted: [Double] = try expected.to(.float64).contiguous().array(of: Double.self)
        let got: [Double] = try tensor.to(.float64).contiguous().array(of: Double.self)
        for (index, (p, q)) in zip(wanted, got).enumerated() {
            if p == q || p.isNaN && q.isNaN || unlessNaN && q.isNaN { continue }
            if abs(p - q) <= 1e-5 + 1e-5 * abs(p) { continue }
            return "element \(index) is \(q) where eager gives \(p)"
        }
        return nil
    }
}
