import ApusTensor

/// Looks for tensors, parameters and modules where a module must not keep them: inside structs, tuples, enums, sets and classes that are no
/// modules. They would be missed by saving, training and exporting, so finding one is an error rather than something to skip.
///
/// What a closure captures can't be seen and is the programmer's own affair.
enum HiddenState {
    static func find(in value: Any) -> ModuleError.Reason? {
        if value is Tensor { return .plainTensor }
        let outer = "\(type(of: value))"
        // A list of work rather than recursion: user data may be nested deeper than the stack is.
        var pending: [Any] = [value]
        var seen: Set<ObjectIdentifier> = []
        while let next = pending.popLast() {
            if let found = kind(of: next) { return .hidden(what: found, inside: outer) }
            if isPlain(type(of: next)) { continue }
            if holdsTensors(type(of: next)) { return .hidden(what: "tensor", inside: outer) }
            if isOpaque(next) { return .opaque(type: "\(type(of: next))") }
            var mirror: Mirror? = Mirror(reflecting: next)
            if mirror?.displayStyle == .class {
                guard seen.insert(ObjectIdentifier(next as AnyObject)).inserted else { continue }
            }
            while let current = mirror {
                pending += current.children.map { $0.value }
                mirror = current.superclassMirror
            }
        }
        return nil
    }

    private static func kind(of value: Any) -> String? {
        switch value {
        case is Tensor: "tensor"
        case is any Module: "module"
        case is any StateProperty: "parameter or buffer"
        default: nil
        }
    }
}

/// True for values that tell reflection themselves what they hold and so may leave out a tensor. The standard library's and Foundation's
/// tell the truth.
func isOpaque(_ value: Any) -> Bool {
    guard value is any CustomReflectable else { return false }
    let name = String(reflecting: type(of: value))
    return !name.hasPrefix("Swift.") && !name.hasPrefix("Foundation")
}
