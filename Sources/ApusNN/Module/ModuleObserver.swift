import ApusTensor

/// An interpreter that wants to know which module is running: a tracer, for the module path of each operation.
///
/// Calls come in pairs, also where `forward` throws. Only interpreters on the current thread's chain are told.
package protocol ModuleObserver: AnyObject {
    func moduleWillRun(_ module: any Module)
    func moduleDidRun(_ module: any Module)
}

/// Runs the body as the given module's. Free of cost in eager code.
@inline(__always)
func observed<Result>(_ module: some Module, _ body: () throws -> Result) rethrows -> Result {
    guard let interpreter = Interpreter.current else { return try body() }
    return try observed(module, by: interpreter, body)
}

@inline(never)
private func observed<Result>(_ module: some Module, by interpreter: Interpreter, _ body: () throws -> Result) rethrows -> Result {
    var observers: [any ModuleObserver] = []
    var next: Interpreter? = interpreter
    while let current = next {
        if let observer = current as? any ModuleObserver { observers.append(observer) }
        next = current.outer
    }
    for observer in observers { observer.moduleWillRun(module) }
    defer { for observer in observers { observer.moduleDidRun(module) } }
    return try body()
}
