import ApusTensor
import ApusGraph
import ApusRuntime
import BadCalls
import Foundation

let arguments = CommandLine.arguments
let mode = arguments[1]
let tableAll = OperatorTable.all

func describe(_ arguments: [OperatorArgument]) -> String {
    arguments.map { a in
        switch a {
        case .tensor(let t): "\(t.spec)"
        case .tensors(let ts): "[" + ts.map { "\($0.spec)" }.joined(separator: ", ") + "]"
        case .optionalTensors(let ts): "[" + ts.map { $0.map { "\($0.spec)" } ?? "nil" }.joined(separator: ", ") + "]"
        case .none: "none"
        case .scalar(let s): "\(s)"
        case .ints(let i): "\(i)"
        default: "\(a)"
        }
    }.joined(separator: ", ")
}

func runPlan(_ operation: Operator, _ arguments: [OperatorArgument]) throws {
    var graph = Graph()
    var inputs: [Tensor] = []
    for argument in arguments {
        argument.forEachReference { tensor in
            inputs.append(tensor)
            _ = graph.addInput("x", .tensor(tensor.spec))
        }
    }
    var next = graph.inputs.makeIterator()
    let converted: [GraphArgument] = arguments.map { $0.map { _ in next.next()! } }
    var copy = GraphCopy(of: graph, provenance: "test")
    var again = copy.graph.inputs.makeIterator()
    _ = converted
    let renamed: [GraphArgument] = arguments.map { $0.map { _ in again.next()! } }
    let results = try copy.apply(operation, renamed)
    var final = copy.graph
    final.outputs = results.map { .value($0) }
    _ = try Plan(final).run(inputs)
}

func runGradient(_ operation: Operator, _ arguments: [OperatorArgument]) throws {
    var sources: [Tensor] = []
    for argument in arguments { argument.forEachReference { if $0.dtype.isDifferentiable { sources.append($0) } } }
    guard !sources.isEmpty else { return }
    _ = try valueAndGradient(at: sources) { given in
        var next = given.makeIterator()
        let replaced = arguments.map { argument in argument.map { $0.dtype.isDifferentiable ? next.next() ?? $0 : $0 } }
        var total = try Tensor.zeros([] as [Int], dtype: .float64)
        for result in try apply(operation, replaced) {
            result.forEachReference { tensor in
                guard tensor.dtype.isFloatingPoint, let s = try? tensor.to(.float64).sum(), let t = try? total + s else { return }
                total = t
            }
        }
        return total
    }
}

func run(_ operation: Operator, _ mode: String, _ verbose: Bool) throws {
    let bad = try BadCalls()
    var calls = 0, thrown = 0
    let start = Date()
    try bad.each(of: operation) { arguments in
        calls += 1
        if verbose { print(describe(arguments)); fflush(nil) }
        let before = Date()
        do {
            switch mode {
            case "eager": _ = try apply(operation, arguments)
            case "plan": try runPlan(operation, arguments)
            default: try runGradient(operation, arguments)
            }
        } catch let error as TensorError {
            thrown += 1
            if "\(error)".contains("kernel refused") { print("REFUSED \(operation) \(describe(arguments)): \(error)") }
            if "\(error)".contains("more than one result") { print("ODD \(error)") }
        } catch {
            print("WRONG ERROR \(operation.name) \(type(of: error)): \(error) for \(describe(arguments))")
        }
        let took = Date().timeIntervalSince(before)
        if took > 0.3 { print("SLOW \(operation.name) \(took): \(describe(arguments))") }
    }
    if Date().timeIntervalSince(start) > 0.3 { print("OK \(operation.name) \(calls) \(thrown) \(Date().timeIntervalSince(start))") }
}

if mode == "guard" {
    let t = try Tensor([1, 2, 3] as [Float], shape: [3]).guarded()
    print(t.baseAddress.load(fromByteOffset: 8, as: Float.self)); fflush(nil)
    print(t.baseAddress.load(fromByteOffset: 12, as: Float.self))
} else if mode == "all" {
    // all <mode> [name filter]
    let which = arguments[2]
    for operation in tableAll where arguments.count < 4 || operation.name.contains(arguments[3]) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: arguments[0])
        process.arguments = [which, operation.name, "quiet"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        let deadline = Date().addingTimeInterval(60)
        while process.isRunning && Date() < deadline { usleep(5000) }
        let hung = process.isRunning
        if hung { process.terminate() }
        process.waitUntilExit()
        if hung || process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
            let again = Process()
            again.executableURL = URL(fileURLWithPath: arguments[0])
            again.arguments = [which, operation.name, "verbose"]
            let pipe = Pipe()
            again.standardOutput = pipe
            again.standardError = FileHandle.nullDevice
            try again.run()
            if hung { DispatchQueue.global().asyncAfter(deadline: .now() + 70) { again.terminate() } }
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            again.waitUntilExit()
            let last = String(decoding: data, as: UTF8.self).split(separator: "\n").last ?? ""
            print("DIED \(operation.name) \(hung ? "hung" : "status \(process.terminationStatus)"): \(last)")
            fflush(nil)
        }
    }
} else {
    let operation = OperatorTable.find(arguments[2])!
    try run(operation, mode, arguments[3] == "verbose")
}
