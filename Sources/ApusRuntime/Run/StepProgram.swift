import ApusGraph
import ApusTensor

/// The steps in the form that runs: plain instructions beside tables of what they work on.
final class StepProgram {
    private struct Instruction {
        enum Kind: UInt8 {
            case pointwise, fused, compute, host, branch, jump, fail
        }

        let kind: Kind
        /// Whether the run ends here where its task has been cancelled.
        let asks: Bool
        /// The position in the kind's table.
        let index: Int32
        /// Where a branch or jump leads.
        let target: Int32
    }

    private struct Compute {
        let kernel: BoundStep.Kernel
        let call: Call
        let outputs: [Tensor]
    }

    private struct Host {
        let kernel: BoundStep.HostKernel
        let call: Call
        let outputs: [Tensor]
    }

    /// An address that depends on where a block lies.
    private struct Relocation {
        let isFused: Bool
        /// The position in the table of elementwise or of fused steps.
        let step: Int32
        let operand: Int32
        let byteOffset: Int
    }

    /// Asking whether the task has been cancelled takes as long as a small step: it is done once for steps that go over so much memory, which
    /// takes microseconds.
    private static let bytesBetweenQuestions = 1 << 15

    let steps: [BoundStep]
    private let code: [Instruction]
    private let pointwise: UnsafeMutableBufferPointer<PreparedPointwise>
    private let fusions: [PreparedFusion]
    private let computes: [Compute]
    private let hosts: [Host]
    private let predicates: [Tensor]
    private let failures: [TensorError]
    /// For each block the addresses to set when it moves.
    private let relocations: [[Relocation]]

    init(_ binder: Binder) {
        steps = binder.steps
        var code: [Instruction] = []
        var prepared: [PreparedPointwise] = []
        var fusions: [PreparedFusion] = []
        var computes: [Compute] = []
        var hosts: [Host] = []
        var predicates: [Tensor] = []
        var failures: [TensorError] = []
        var relocations = [[Relocation]](repeating: [], count: binder.blocks.count)
        // What steps read and write since one asked; the first one does.
        var bytes: Int = StepProgram.bytesBetweenQuestions
        func add(_ kind: Instruction.Kind, _ index: Int, target: Int = 0) {
            let asks: Bool = bytes >= StepProgram.bytesBetweenQuestions
            if asks { bytes = 0 }
            code.append(
                Instruction(kind: kind, asks: asks, index: Int32(truncatingIfNeeded: index), target: Int32(truncatingIfNeeded: target)))
        }
        /// Notes that an operand's address follows its block, where that is one that moves.
        func relocate(_ tensor: Tensor, isFused: Bool, _ step: Int, _ operand: Int) {
            guard let block = binder.block(of: tensor), binder.blocks[block].kind != .temporary else { return }
            relocations[block].append(
                Relocation(
                    isFused: isFused, step: Int32(truncatingIfNeeded: step), operand: Int32(truncatingIfNeeded: operand),
                    byteOffset: tensor.storageOffset * tensor.dtype.byteWidth))
        }
        for step in binder.steps {
            defer { bytes += (step.inputs + step.outputs).reduce(0) { $0 + $1.layout.count * $1.dtype.byteWidth } }
            switch step.action {
            case .pointwise(var operation, let operands, _):
                var places: [(position: Int, tensor: Tensor?)] = operands.enumerated().map { ($0.offset, $0.element) }
                places.append((PreparedPointwise.result, step.outputs.first))
                for case (let position, let tensor?) in places {
                    operation.setAddress(position, tensor.baseAddress)
                    relocate(tensor, isFused: false, prepared.count, position)
                }
                add(.pointwise, prepared.count)
                prepared.append(operation)
            case .fused(let fusion):
                for case (let operand, let tensor?) in (fusion.inputs + fusion.outputs).enumerated() {
                    fusion.setAddress(operand, tensor.baseAddress)
                    relocate(tensor, isFused: true, fusions.count, operand)
                }
                add(.fused, fusions.count)
                fusions.append(fusion)
            case .compute(let kernel):
                add(.compute, computes.count)
                computes.append(Compute(kernel: kernel, call: step.call, outputs: step.outputs))
            case .host(let kernel):
                add(.host, hosts.count)
                hosts.append(Host(kernel: kernel, call: step.call, outputs: step.outputs))
            case .branch(let predicate, let otherwise):
                add(.branch, predicates.count, target: otherwise)
                predicates.append(predicate)
            case .jump(let target): add(.jump, 0, target: target)
            case .fail(let error):
                add(.fail, failures.count)
                failures.append(error)
            }
        }
        self.code = code
        self.fusions = fusions
        self.computes = computes
        self.hosts = hosts
        self.predicates = predicates
        self.failures = failures
        self.relocations = relocations
        pointwise = .allocate(capacity: prepared.count)
        _ = pointwise.initialize(from: prepared)
    }

    deinit {
        pointwise.deinitialize()
        pointwise.deallocate()
    }

    /// Tells elementwise steps where a block lies from now on. Other steps see it through their tensors.
    func move(_ block: Int, to address: UnsafeMutableRawPointer) {
        for relocation in relocations[block] {
            let (step, operand, place) = (Int(relocation.step), Int(relocation.operand), address + relocation.byteOffset)
            if relocation.isFused {
                fusions[step].setAddress(operand, place)
            } else {
                pointwise[step].setAddress(operand, place)
            }
        }
    }

    func run() throws {
        var position = 0
        try code.withUnsafeBufferPointer { code in
            while position < code.count { try run(code[position], &position) }
        }
    }

    /// The same, with an event for each step that computes.
    func run(_ profiler: Profiler) throws {
        var position = 0
        while position < code.count {
            let instruction: Instruction = code[position]
            switch instruction.kind {
            case .branch, .jump, .fail: try run(instruction, &position)
            case .pointwise, .fused, .compute, .host:
                let step: BoundStep = steps[position]
                let names: [String] = step.operators.map(\.name)
                let name: String = names[0] + (names.count > 1 ? " and \(names.count - 1) more" : "")
                try profiler.measure(.step, name, operators: names, site: step.site?.description) { try run(instruction, &position) }
            }
        }
    }

    @inline(__always)
    private func run(_ instruction: Instruction, _ position: inout Int) throws {
        if instruction.asks { try Deadline.check() }
        let index = Int(instruction.index)
        position += 1
        do {
            switch instruction.kind {
            case .pointwise: if pointwise[index].run() != 0 { try explain(position - 1) }
            case .fused:
                if fusions[index].run() != 0 {
                    throw steps[position - 1].call.error(.outOfMemory, "no memory for intermediate results")
                }
            case .compute:
                let step: Compute = computes[index]
                try step.kernel(step.call, step.outputs)
            case .host: try run(hosts[index])
            case .branch:
                if predicates[index].baseAddress.load(as: UInt8.self) == 0 { position = Int(instruction.target) }
            case .jump: position = Int(instruction.target)
            case .fail: throw failures[index]
            }
        } catch let error as TensorError {
            throw error.located(at: steps[position - 1].site)
        }
    }

    private func run(_ host: Host) throws {
        let results: [OperatorArgument] = try host.kernel(host.call)
        var tensors: [Tensor] = []
        for result in results { result.forEachReference { tensors.append($0) } }
        guard tensors.count == host.outputs.count else {
            throw host.call.error(.unsupported, "gave \(tensors.count) results where \(host.outputs.count) were planned")
        }
        for (target, tensor) in zip(host.outputs, tensors) { try target.fill(from: tensor) }
    }

    /// Runs the general kernel of an elementwise step that failed: it throws the error in words.
    private func explain(_ position: Int) throws {
        let step: BoundStep = steps[position]
        guard case .pointwise(_, _, let kernel) = step.action else { return }
        try kernel(step.call, step.outputs)
    }
}
