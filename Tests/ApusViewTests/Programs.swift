import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

/// What the tests look at.
enum Programs {
    /// Layers with weights, in modules: rows of any number up to a limit.
    static func layers(upTo limit: Int = 64) throws -> ExportedProgram {
        let model = try Sequential(Linear(3, 8), ReLU(), Linear(8, 2))
        let x = try Tensor.ones([4, 3])
        return try export(
            model, args: x, constraints: [dynamicDim(x, 0).in(1...limit)], options: ExportOptions(names: ["x"]))
    }

    /// A branch on values with a loop beside it.
    static func branches() throws -> ExportedProgram {
        try export(
            { (x: Tensor) in
                let y = try cond(x.sum() .> 0) {
                    try x.sin()
                } else: {
                    try x.cos() + 1
                }
                let z = try whileLoop(y) {
                    try $0.sum() .< 100
                } do: {
                    try $0 * 2 + 1
                }
                return try z + x
            }, args: Tensor.ones([3]), options: ExportOptions(names: ["x"]))
    }

    /// A program around a graph whose inputs are the caller's.
    static func program(_ graph: Graph) throws -> ExportedProgram {
        let names: [String] = graph.inputs.map { graph.name($0) }
        return try ExportedProgram(
            ProgramParts(
                graph: graph, inputRoles: names.map { _ in .userInput }, outputRoles: graph.outputs.map { _ in .userOutput }, state: [],
                callSpec: CallSpec(inSpec: .tuple(names.map { _ in .leaf }), outSpec: .tuple(graph.outputs.map { _ in .leaf })),
                leafRoles: names.map { _ in .input }, leafNames: names, scope: SymbolScope(), symbolToRange: [:], guards: []))
    }

    /// Many nodes in modules of ten, each of which reads the one before and one further up.
    static func long(_ count: Int) throws -> ExportedProgram {
        let type: Graph.ValueType = .tensor(TensorSpec(.float32, try Shape([4])))
        let operation = try #require(OperatorTable.standard.find("aten::add.Tensor"))
        var graph = Graph()
        var values: [Graph.Value] = [graph.addInput("x", type)]
        for index in 0..<count {
            let other: Graph.Value = values[max(0, values.count - 1 - index % 7)]
            let frames: [ModuleFrame] = [ModuleFrame(path: "", type: "Model"), ModuleFrame(path: "layers.\(index / 10)", type: "Block")]
            values += graph.append(
                operation, [.tensor(values[values.count - 1]), .tensor(other), .scalar(.int(1))], types: [type], names: ["v\(index)"],
                site: .text("model.py:\(index)"), modulePath: frames)
        }
        graph.outputs = [.value(values[values.count - 1])]
        return try program(graph)
    }
}
