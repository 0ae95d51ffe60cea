import ApusTensor

/// Several programs of one model, each under the name of its entry point. Weights are there once.
public struct ExportedPrograms: Sendable {
    /// In the order in which they were given.
    public let names: [String]
    private let programs: [String: ExportedProgram]

    /// Throws for no entry point and for a name that stands twice.
    public init(_ entries: [(name: String, program: ExportedProgram)]) throws {
        try ExportedPrograms.requireDistinct(entries.map(\.name))
        names = entries.map(\.name)
        programs = Dictionary(entries.map { ($0.name, $0.program) }, uniquingKeysWith: { first, _ in first })
    }

    /// One program as its own artifact. What was traced with one tuple of arguments has one entry point, `forward`.
    public init(_ program: ExportedProgram) {
        names = ["forward"]
        programs = ["forward": program]
    }

    /// Throws for no entry point and for a name that stands twice.
    package static func requireDistinct(_ names: [String]) throws {
        guard !names.isEmpty else { throw ProgramError(.entryPoint, "no entry point is given; name at least one") }
        var seen = Set<String>()
        for name in names where !seen.insert(name).inserted {
            throw ProgramError(.entryPoint, "the entry point '\(name)' is given twice")
        }
    }

    /// The program of an entry point, or nil.
    public subscript(name: String) -> ExportedProgram? { programs[name] }

    /// The program of an entry point. Throws for an unknown name, listing the known ones.
    public func program(named name: String) throws -> ExportedProgram {
        guard let program = programs[name] else {
            throw ProgramError(.entryPoint, "there is no entry point '\(name)'; there are: \(names.joined(separator: ", "))")
        }
        return program
    }

    /// Every entry point with its program, in order.
    public var entries: [(name: String, program: ExportedProgram)] { names.compactMap { name in programs[name].map { (name, $0) } } }

    /// Programs whose parameters and buffers of the same name become one.
    package init(sharingStateOf entries: [(name: String, program: ExportedProgram)]) throws {
        var placement = StatePlacement()
        let positions: [[Int]] = entries.map { entry in
            placement.add(entry.program.graphSignature.inputRoles, entry.program.state.snapshot(), sharesNames: true)
        }
        let store = StateStore(placement.tensors, firstUses: entries.flatMap { $0.program.state.firstUses })
        try self.init(zip(entries, positions).map { ($0.name, try $0.program.sharing(store, positions: $1)) })
    }
}
