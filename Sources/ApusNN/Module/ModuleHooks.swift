import Synchronization

/// What registering a hook gives: the hook runs until `remove()`, however long the handle lives.
public final class HookHandle: Sendable {
    private let id: Int

    init(id: Int) { self.id = id }

    /// Takes the hook away. Once is enough.
    public func remove() { ModuleHooks.shared.remove(id) }
}

/// The hooks of all modules: Swift's protocols can't add storage to a class.
final class ModuleHooks: Sendable {
    static let shared = ModuleHooks()

    /// What a hook makes of a call; nil where it leaves it as it is. Inputs of several arguments are tuples.
    enum Hook {
        case before((any Module, Any) throws -> Any?)
        case after((any Module, Any, Any) throws -> Any?)
    }

    private struct Entry: @unchecked Sendable {
        let id: Int
        /// Nil for a hook of all modules.
        let key: ObjectIdentifier?
        // Compared by identity only, under the lock.
        weak var module: AnyObject?
        let hook: Hook
    }

    private let entries = Mutex<[Entry]>([])
    private let lastID = Atomic<Int>(0)
    private let isUsed = Atomic<Bool>(false)

    /// Whether there is any hook at all: what every call of a module asks.
    var isInUse: Bool { isUsed.load(ordering: .relaxed) }

    func add(_ hook: Hook, to module: (any Module)?) -> HookHandle {
        let id: Int = lastID.wrappingAdd(1, ordering: .relaxed).newValue
        let entry = Entry(id: id, key: module.map { ObjectIdentifier($0) }, module: module, hook: hook)
        change(adding: entry) { _ in false }
        return HookHandle(id: id)
    }

    func remove(_ id: Int) { change(adding: nil) { $0.id == id } }

    /// Takes entries out, those of modules that are gone too, before their address is another's. What hooks hold is let go of behind the lock: it
    /// may remove hooks itself.
    private func change(adding entry: Entry?, removing isRemoved: (Entry) -> Bool) {
        let dropped: [Entry] = entries.withLock { entries in
            let isDropped: (Entry) -> Bool = { isRemoved($0) || $0.key != nil && $0.module == nil }
            let dropped: [Entry] = entries.filter(isDropped)
            entries.removeAll(where: isDropped)
            if let entry { entries.append(entry) }
            isUsed.store(!entries.isEmpty, ordering: .relaxed)
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// Those of all modules, then the module's own, in the order in which they came.
    private func hooks(of module: any Module) -> [Hook] {
        let key = ObjectIdentifier(module)
        let found: [Entry] = entries.withLock { entries in
            entries.filter { $0.key == nil } + entries.filter { $0.key == key && $0.module != nil }
        }
        return found.map(\.hook)
    }

    func call<Input, Output>(_ module: any Module, _ input: Input, _ body: (Input) throws -> Output) throws -> Output {
        let hooks: [Hook] = hooks(of: module)
        var input: Input = input
        for case .before(let hook) in hooks {
            if let given = try hook(module, input), let changed = given as? Input { input = changed }
        }
        var output: Output = try body(input)
        for case .after(let hook) in hooks {
            if let given = try hook(module, input, output), let changed = given as? Output { output = changed }
        }
        return output
    }
}

/// Runs the body as the given module's, telling observers, and its hooks before and after it. Free of cost in eager code without hooks.
@inline(__always)
func called<Input, Output>(_ module: some Module, _ input: Input, _ body: (Input) throws -> Output) throws -> Output {
    try observed(module) {
        guard ModuleHooks.shared.isInUse else { return try body(input) }
        return try ModuleHooks.shared.call(module, input, body)
    }
}

// MARK: - Registering

extension Module {
    /// Calls a function before every `forward` of this module that is called through the module, `try model(x)`: with the module and the input,
    /// which what it returns replaces; nil leaves it. What it computes is part of a trace and of gradients, as if `forward` did.
    @discardableResult
    public func registerForwardPreHook(_ hook: @escaping (Self, Input) throws -> Input?) -> HookHandle {
        before(Input.self, hook)
    }

    /// The same of a `forward` of two arguments.
    @discardableResult
    public func registerForwardPreHook(
        _ hook: @escaping (Self, FirstOfTwo, SecondOfTwo) throws -> (FirstOfTwo, SecondOfTwo)?
    ) -> HookHandle {
        before((FirstOfTwo, SecondOfTwo).self) { try hook($0, $1.0, $1.1) }
    }

    /// Calls a function after every `forward` of this module that is called through the module: with the module, the input and the output, which
    /// what it returns replaces; nil leaves it. What it computes is part of a trace and of gradients, as if `forward` did.
    ///
    ///     let handle = model.encoder.registerForwardHook { _, _, output in
    ///         activations.append(output)
    ///         return nil
    ///     }
    ///     defer { handle.remove() }
    @discardableResult
    public func registerForwardHook(_ hook: @escaping (Self, Input, Output) throws -> Output?) -> HookHandle {
        after(Input.self, hook)
    }

    /// The same of a `forward` of two arguments.
    @discardableResult
    public func registerForwardHook(
        _ hook: @escaping (Self, FirstOfTwo, SecondOfTwo, OutputOfTwo) throws -> OutputOfTwo?
    ) -> HookHandle {
        after((FirstOfTwo, SecondOfTwo).self) { try hook($0, $1.0, $1.1, $2) }
    }

    /// The same of a `forward` of three arguments.
    @discardableResult
    public func registerForwardHook(
        _ hook: @escaping (Self, FirstOfThree, SecondOfThree, ThirdOfThree, OutputOfThree) throws -> OutputOfThree?
    ) -> HookHandle {
        after((FirstOfThree, SecondOfThree, ThirdOfThree).self) { try hook($0, $1.0, $1.1, $1.2, $2) }
    }

    private func before<Given>(_ type: Given.Type, _ hook: @escaping (Self, Given) throws -> Given?) -> HookHandle {
        ModuleHooks.shared.add(
            .before { module, input in
                guard let module = module as? Self, let input = input as? Given else { return nil }
                return try hook(module, input)
            }, to: self)
    }

    private func after<Given, Result>(_ type: Given.Type, _ hook: @escaping (Self, Given, Result) throws -> Result?) -> HookHandle {
        ModuleHooks.shared.add(
            .after { module, input, output in
                guard let module = module as? Self, let input = input as? Given, let output = output as? Result else { return nil }
                return try hook(module, input, output)
            }, to: self)
    }
}

/// Calls a function before every module that is called, with the input of one argument or a tuple of several, which what it returns replaces where
/// it is of the same type. For looking at a whole model; a hook of one module is `registerForwardPreHook`.
@discardableResult
public func registerModuleForwardPreHook(_ hook: @escaping (any Module, Any) throws -> Any?) -> HookHandle {
    ModuleHooks.shared.add(.before(hook), to: nil)
}

/// The same after every module that is called, with the output, which what it returns replaces where it is of the same type.
@discardableResult
public func registerModuleForwardHook(_ hook: @escaping (any Module, Any, Any) throws -> Any?) -> HookHandle {
    ModuleHooks.shared.add(.after(hook), to: nil)
}
