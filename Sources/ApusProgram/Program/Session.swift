import ApusGraph
import ApusRuntime
import ApusTensor
import Synchronization

package typealias Session = ExportedProgram.Session

extension ExportedProgram {
    /// One user's state of a program: buffers of its own over the program's weights, which are there once.
    ///
    ///     let session = try program.makeSession()
    ///     let token: Tensor = try session(ids)       // a cache grows, in this session alone
    ///     session.reset()
    ///
    /// It starts with the program's parameters and buffers as they are when it is made. From then on neither sees what the other changes, and
    /// sessions do not see each other. What calls change of its buffers is written where the old value lies, without a copy, wherever nothing else
    /// reads the old value; `apus graph --lowered --session` shows where. Tensors that it gave, or was given, are values as everywhere: a buffer that somebody
    /// has read and still holds is copied once before the next call writes.
    ///
    /// Calls from several tasks go one after another. A call that throws before it began to write leaves the buffers as they were: a wrong input, a
    /// position outside of a cache, a cancelled task mostly. One that throws later may have written a part of them; the session then refuses
    /// calls with `ProgramError.Code.brokenSession` until `reset()`.
    ///
    /// While gradients are recorded it runs like the program; a function that calls a session can't be exported.
    public final class Session: CallableProgram {
        public let program: ExportedProgram
        public var callSpec: CallSpec { program.callSpec }
        private let contents: SessionContents
        private let state: ProgramState

        init(_ program: ExportedProgram, _ contents: SessionContents) {
            self.program = program
            self.contents = contents
            state = program.state.over(contents.store)
        }

        // MARK: State

        /// Parameters and buffers by name, as they are now.
        public var stateDict: [String: Tensor] { state.dictionary(program.graphSignature, constants: false) }

        /// Sets parameters and buffers of this session alone; as `ExportedProgram.load`.
        @discardableResult
        public func load(_ stateDict: [String: Tensor], strict: Bool = true) throws -> StateDictMismatch {
            try state.load(stateDict, strict: strict)
        }

        /// Brings parameters and buffers back to what they were when the session was made.
        public func reset() { contents.reset() }

        // MARK: Running

        /// Runs the program on the flattened arguments; as `ExportedProgram.run(leaves:)`.
        public func run(leaves: [LeafValue], profiler: Profiler? = nil) throws -> [LeafValue] {
            program.userResults(try outputs(of: program.tensors(of: leaves), profiler))
        }

        /// Runs the program on tensors alone; as `ExportedProgram.run`.
        public func run(_ inputs: [Tensor], profiler: Profiler? = nil) throws -> [Tensor] {
            try program.userTensors(outputs(of: inputs, profiler))
        }

        /// The flattened result for tensors alone, which may hold numbers.
        package func leaves(of inputs: [Tensor]) throws -> [LeafValue] { program.userResults(try outputs(of: inputs, nil)) }

        private func outputs(of inputs: [Tensor], _ profiler: Profiler?) throws -> [LeafValue] {
            if Interpreter.current != nil {
                guard Interpreter.innermost(as: (any InliningInterpreter).self) == nil else {
                    throw ProgramError(.untraceable, "a session can't become a part of a program, which has no place for its buffers")
                }
                try contents.requireWhole()
                return try program.run(inputs, on: state, profiler)
            }
            try program.checker.check(inputs)
            return try program.plan.run { plan in
                try program.namingBuffers {
                    try state.update { tensors in
                        try contents.requireWhole()
                        var hasWritten = false
                        defer { if hasWritten { contents.isBroken.store(true, ordering: .relaxed) } }
                        return try plan.update(tensors + inputs, hasWritten: &hasWritten, profiler: profiler).map { LeafValue($0) }
                    }
                }
            }
        }
    }
}

/// The tensors of a session, which those of several entry points share.
final class SessionContents: Sendable {
    let store: StateStore
    private let initial: [Tensor]
    /// Whether a call ended while it wrote. Changed and read while the store is locked.
    let isBroken = Atomic<Bool>(false)

    init(_ original: StateStore) {
        initial = original.withLock { $0 }
        store = StateStore(initial, firstUses: original.firstUses)
    }

    func requireWhole() throws {
        guard isBroken.load(ordering: .relaxed) else { return }
        throw ProgramError(.brokenSession, "an earlier call failed while it wrote to the session's buffers; reset() the session first")
    }

    func reset() {
        store.withLock { tensors in
            tensors = initial
            isBroken.store(false, ordering: .relaxed)
        }
    }
}

extension ExportedProgram {
    /// A session: this program with buffers of its own. Costs nothing but the buffers that calls change, which are copied by the first.
    public func makeSession() throws -> Session {
        try state.prepare()
        return Session(self, SessionContents(state.store))
    }
}

extension ExportedPrograms {
    /// A session for each entry point. Those that share their state, as a prefill and a decoding of one model do, share it here too: what one
    /// writes to a cache the other reads.
    public func makeSessions() throws -> [String: ExportedProgram.Session] {
        var contents: [ObjectIdentifier: SessionContents] = [:]
        var sessions: [String: Session] = [:]
        for (name, program) in entries {
            try program.state.prepare()
            let known: SessionContents = contents[ObjectIdentifier(program.state.store)] ?? SessionContents(program.state.store)
            contents[ObjectIdentifier(program.state.store)] = known
            sessions[name] = Session(program, known)
        }
        return sessions
    }
}
