import ApusGraph
import ApusTensor

/// What became of the weights of products and embeddings when they were stored in fewer bits.
public struct WeightReduction: Sendable {
    public struct Weight: Sendable, Encodable {
        /// As in `stateDict` and `constants`.
        public let name: String
        public let byteCount: Int
        /// With its scales.
        public let reducedByteCount: Int
    }

    /// A weight that stays as it is.
    public struct Kept: Sendable, Encodable {
        public let name: String
        public let reason: String
    }

    public internal(set) var reduced: [Weight] = []
    public internal(set) var kept: [Kept] = []
}

extension ExportedProgram {
    /// A new program that stores the weights of its products and embeddings in fewer bits, and computes with them in float32: a one-row product reads a
    /// half or a quarter of the memory. Its results differ: `reduced.check(try program.makeCase("mine", inputs: x))` says by how much.
    ///
    /// Reduced weights are buffers (constants stay constants) of another dtype under their old names, with their scales beside them as `<name>_scale`; the
    /// graph widens them by plain operators (`_to_copy`, `mul`, `repeat_interleave`), so that a file of it opens in PyTorch. Running reads them as they are
    /// stored. `load(_:)` takes a state dictionary of this form: load weights in full precision into this program, then reduce it.
    ///
    /// A weight stays as it is, and the report says why, where anything but a product or an embedding reads it, where the program changes or returns it, and
    /// where the format can't hold its numbers: NaN and infinity in int8, a number beyond the largest in bfloat16.
    ///
    /// - Throws: `ProgramError` for a joint program, which trains its weights, and for a group of less than 1.
    public func reducingWeights(to format: WeightFormat) throws -> (program: ExportedProgram, report: WeightReduction) {
        let (programs, report) = try ExportedProgram.reduceWeights(of: [self], to: format)
        return (programs[0], report)
    }

    /// - Parameter programs: of one state, whose weights become others in all of them
    fileprivate static func reduceWeights(
        of programs: [ExportedProgram], to format: WeightFormat, _ whenSeen: @escaping (_ byteCount: Int) -> Void = { _ in }
    ) throws -> (programs: [ExportedProgram], report: WeightReduction) {
        try format.requireValid()
        if format == .asStored { return (programs, WeightReduction()) }
        guard !programs.contains(where: \.isJoint) else {
            throw ProgramError(
                .untraceable, "a joint program trains its parameters; only a program without a backward part can store them in fewer bits")
        }
        for program in programs { try program.state.prepare() }
        var reducer = WeightReducer(format, programs.map(\.parts), whenSeen)
        return try withStackRoom(deepStack) {
            let reduced: [ExportedProgram] = try programs.map { try ExportedProgram(try reducer.reduce($0.parts)) }
            return (reduced, reducer.report)
        }
    }
}

extension ExportedPrograms {
    /// The same for each entry point; weights that they share are reduced once, where it suits all of them. See `ExportedProgram.reducingWeights(to:)`.
    public func reducingWeights(to format: WeightFormat) throws -> (programs: ExportedPrograms, report: WeightReduction) {
        try reducingWeights(to: format) { _ in }
    }

    /// - Parameter whenSeen: is told of each program's parameters, buffers and constants, whether or not they become others, one after another
    package func reducingWeights(to format: WeightFormat, whenSeen: @escaping (_ byteCount: Int) -> Void) throws -> (
        programs: ExportedPrograms, report: WeightReduction
    ) {
        let entries = entries
        guard let store = entries.first?.program.state.store, entries.allSatisfy({ $0.program.state.store === store }) else {
            var report = WeightReduction()
            let programs: [(name: String, program: ExportedProgram)] = try entries.map { name, program in
                let (reduced, part) = try ExportedProgram.reduceWeights(of: [program], to: format, whenSeen)
                report.reduced += part.reduced
                report.kept += part.kept
                return (name, reduced[0])
            }
            return (try ExportedPrograms(programs), report)
        }
        let (programs, report) = try ExportedProgram.reduceWeights(of: entries.map(\.program), to: format, whenSeen)
        return (try ExportedPrograms(sharingStateOf: zip(entries, programs).map { ($0.name, $1) }), report)
    }
}

/// Reduces the weights of programs that share them.
private struct WeightReducer {
    private let format: WeightFormat
    private let whenSeen: (_ byteCount: Int) -> Void
    /// Of tied weights together, in all programs.
    private var uses: [TensorPlace: WeightUse] = [:]
    private var rounded: [TensorPlace: WeightFormat.Rounded] = [:]
    private var reported = Set<InputRole>()
    private(set) var report = WeightReduction()

    init(_ format: WeightFormat, _ programs: [ProgramParts], _ whenSeen: @escaping (_ byteCount: Int) -> Void) {
        (self.format, self.whenSeen) = (format, whenSeen)
        for parts in programs {
            let finder = WeightUses(parts.graph)
            let changed: [String: Int] = parts.outputRoles.changedBuffers
            var state = parts.state.makeIterator()
            for (input, role) in zip(parts.graph.inputs, parts.inputRoles) {
                guard let name = role.name, let place = state.next().map({ TensorPlace($0) }) else { continue }
                let change: WeightUse = changed[name] != nil ? .other(reason: "the program changes it", isWeight: false) : .none
                uses[place] = (uses[place] ?? .none).and(change).and(finder.use(of: input))
            }
        }
    }

    mutating func reduce(_ parts: ProgramParts) throws -> ProgramParts {
        var result: ProgramParts = parts
        (result.inputRoles, result.state, result.paths, result.firstUses) = ([], [], [], [])
        var names = Set(parts.inputRoles.compactMap(\.name))
        var computed: [Value: (graph: Graph, names: [String])] = [:]
        var state = parts.state.makeIterator()
        for (input, role) in zip(parts.graph.inputs, parts.inputRoles) {
            guard let name = role.name, let tensor = state.next() else {
                result.inputRoles.append(role)
                continue
            }
            defer { whenSeen(tensor.byteCount) }
            guard let form = try form(of: tensor, role, name) else {
                result.inputRoles.append(role)
                result.state.append(tensor)
                continue
            }
            let roles: [InputRole] = form.stored.indices.map { index in
                if index == 0 { return role.asReduced(name) }
                var scale = "\(name)_scale"
                while !names.insert(scale).inserted { scale += "_" }
                return role.asReduced(scale)
            }
            result.inputRoles += roles
            result.state += form.stored
            let graph: Graph = try Graph.recording(form.stored.map(\.spec)) { [try form.widened($0)] }
            computed[input] = (graph, ["\(parts.graph.name(input))_scale"])
        }
        result.graph = try parts.graph.computingInputs(computed, provenance: "reduced weights")
        return result
    }

    /// The reduced form of a weight; nil where it stays as it is.
    private mutating func form(of tensor: Tensor, _ role: InputRole, _ name: String) throws -> WeightFormat.Rounded? {
        let place = TensorPlace(tensor)
        let isNew: Bool = reported.insert(role).inserted
        func keep(_ reason: String) -> WeightFormat.Rounded? {
            if isNew { report.kept.append(.init(name: name, reason: reason)) }
            return nil
        }
        let axis: Int
        switch uses[place] {
        case .product(let dim)?: axis = dim
        case .other(let reason, true)?: return keep(reason)
        default: return nil
        }
        if tensor.dtype != .float32 { return keep("it is of \(tensor.dtype)") }
        guard tensor.layout.rank == 2, tensor.layout.count > 0 else { return keep("it has no rows and columns") }
        guard let form = try rounded[place] ?? format.round(tensor, axis: axis) else {
            return keep(
                "\(format) can't hold its numbers: \(try tensor.isfinite().all().item(Bool.self) ? "one is too large" : "some are not finite")"
            )
        }
        rounded[place] = form
        if isNew {
            report.reduced.append(
                .init(name: name, byteCount: tensor.byteCount, reducedByteCount: form.stored.reduce(0) { $0 + $1.byteCount }))
        }
        return form
    }
}

extension InputRole {
    /// Numbers in few bits are not trained.
    fileprivate func asReduced(_ name: String) -> InputRole {
        switch self {
        case .parameter: .buffer(name, persistent: true)
        case .buffer(_, let persistent): .buffer(name, persistent: persistent)
        case .constant: .constant(name)
        case .userInput: self
        }
    }
}

extension Tensor {
    /// Of its elements, wherever they lie.
    package var byteCount: Int { layout.count * dtype.byteWidth }
}
