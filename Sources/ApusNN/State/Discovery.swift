import ApusTensor

/// Walks a module by reflection and collects its state and everything that is wrong with it.
struct Discovery {
    private(set) var modules: [(path: String, module: any Module)] = []
    private(set) var entries: [ModuleState.Entry] = []
    /// Optional parameters and buffers that are nil now.
    private(set) var absent: [(name: String, box: StateBox)] = []
    /// Parameters that others are computed into, which stand among the entries in their place.
    private(set) var parametrized: [(name: String, box: StateBox)] = []
    private(set) var problems: [ModuleError.Problem] = []

    /// How deep modules may lie inside of each other. Walking them, and letting go of them, takes stack for each.
    private static let maximumDepth = 1000

    private var names: Set<String> = []
    private var ancestors: [ObjectIdentifier] = []
    /// What the module at hand has: its own state, then its children. PyTorch's order, whatever the order of declaration.
    private var parameters: [ModuleState.Entry] = []
    private var buffers: [ModuleState.Entry] = []
    private var children: [(path: String, module: any Module)] = []
    /// What gives the module's parametrized parameters.
    private var parametrizations: [(path: String, module: any Module)] = []

    init(_ module: any Module) {
        visit(module, "")
    }

    private mutating func visit(_ module: any Module, _ path: String) {
        let id = ObjectIdentifier(module)
        guard !ancestors.contains(id) else {
            report(path, .cycle(type: "\(type(of: module))"))
            return
        }
        guard ancestors.count < Discovery.maximumDepth else {
            report(path, .tooDeep(limit: Discovery.maximumDepth))
            return
        }
        modules.append((path, module))
        ancestors.append(id)
        (parameters, buffers, children, parametrizations) = ([], [], [], [])
        if isOpaque(module) {
            report(path, .opaque(type: "\(type(of: module))"))
        } else {
            visitProperties(Mirror(reflecting: module), path, type(of: module).stateNames)
        }
        entries += parameters + buffers
        for child in children + parametrizations { visit(child.module, child.path) }
        ancestors.removeLast()
    }

    private mutating func visitProperties(_ mirror: Mirror, _ path: String, _ names: [String: String]) {
        // A superclass's properties were declared first.
        if let superclass = mirror.superclassMirror { visitProperties(superclass, path, names) }
        for child in mirror.children {
            let label = Discovery.name(of: child.label ?? "", child.value)
            // What can't be part of a module is told of by the name that the programmer gave it.
            let holdsState: Bool = child.value is any StateProperty || child.value is any Module || child.value is any StateContainer
            classify(child.value, Discovery.join(path, names[label] ?? (holdsState ? Discovery.torchName(label) : label)))
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        if path.isEmpty { return name }
        return name.isEmpty ? path : "\(path).\(name)"
    }

    /// The name as the programmer wrote it: wrapped properties are stored under `_name`, lazy ones under a longer prefix.
    private static func name(of label: String, _ value: Any) -> String {
        let lazyPrefix = "$__lazy_storage_$_"
        if label.hasPrefix(lazyPrefix) { return String(label.dropFirst(lazyPrefix.count)) }
        if value is any StateProperty, label.hasPrefix("_") { return String(label.dropFirst()) }
        return label
    }

    /// PyTorch's spelling of a property's name, `inProjWeight` as `in_proj_weight`: an underscore before each capital that begins a word.
    /// A name that begins with a capital is one that somebody chose, and stays.
    static func torchName(_ label: String) -> String {
        guard label.first?.isLowercase == true else { return label }
        let letters: [Character] = Array(label)
        var name = ""
        for (position, letter) in letters.enumerated() {
            guard letter.isUppercase, position > 0 else {
                name.append(letter)
                continue
            }
            let endsRun: Bool = position + 1 < letters.count && letters[position + 1].isLowercase
            if !letters[position - 1].isUppercase && letters[position - 1] != "_" || endsRun { name.append("_") }
            name += letter.lowercased()
        }
        return name
    }

    private mutating func classify(_ value: Any, _ path: String) {
        switch value {
        case let property as any StateProperty: add(property, path)
        case let module as any Module:
            if claim(path) { children.append((path, module)) }
        case let container as any StateContainer: classify(container, path)
        default:
            if let reason = HiddenState.find(in: value) { report(path, reason) }
        }
    }

    private mutating func classify(_ container: any StateContainer, _ path: String) {
        let type = type(of: container)
        if holdsTensors(type) {
            report(path, .plainTensor)
            return
        }
        if isPlain(type) { return }
        for (key, element) in container.elements {
            guard let key else {
                classify(element, path)
                continue
            }
            let isState = element is any Module || element is any StateProperty
            if isState, key.isEmpty || key.contains(".") {
                report(path, .badKey(key))
                continue
            }
            classify(element, Discovery.join(path, key))
        }
    }

    private mutating func add(_ property: any StateProperty, _ name: String) {
        let box = property.box
        if let parametrization = box.parametrization {
            let (parent, own) = name.lastIndex(of: ".").map { (name[..<$0], name[name.index(after: $0)...]) } ?? ("", name[...])
            let path: String = Discovery.join(String(parent), "parametrizations.\(own)")
            if claim(path) { parametrizations.append((path, parametrization)) }
            parametrized.append((name, box))
            return
        }
        guard let tensor = box.tensor else {
            if property.isOptional {
                absent.append((name, box))
            } else {
                report(name, .unset)
            }
            return
        }
        guard claim(name) else { return }
        let entry = ModuleState.Entry(name: name, box: box, tensor: tensor)
        if box.kind == .parameter { parameters.append(entry) } else { buffers.append(entry) }
    }

    private mutating func claim(_ name: String) -> Bool {
        if names.insert(name).inserted { return true }
        report(name, .duplicateName)
        return false
    }

    private mutating func report(_ path: String, _ reason: ModuleError.Reason) {
        problems.append(ModuleError.Problem(path: path, reason: reason))
    }
}
