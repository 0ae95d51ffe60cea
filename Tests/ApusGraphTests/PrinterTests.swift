import ApusGraph
import ApusSymbolic
import ApusTensor
import Foundation
import JudgeSupport
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite struct PrinterTests {
    @Test func branches() throws {
        try expectRecorded("\(branchGraph(OneSize()))", in: "Tests/ApusGraphTests/Goldens/branch.txt")
    }

    @Test func argumentsAndDefaults() throws {
        let type = try float32([2, 3])
        var graph = Graph()
        let (x, y) = (graph.addInput("x", type), graph.addInput("y", type))
        let sum = try graph.add("aten::add.Tensor", .tensor(x), .tensor(y), .int(1), type: type)
        let scaled = try graph.add("aten::add.Tensor", .tensor(sum), .tensor(y), .double(0.5), type: type)
        let total = try graph.add("aten::sum.dim_IntList", .tensor(scaled), .ints([1]), .bool(true), .none, type: try float32([2, 1]))
        let wide = try graph.add(
            "aten::_to_copy", .tensor(total), .dtype(.float64), .none, .none, .none, .bool(false), .none,
            type: .tensor(TensorSpec(.float64, try Shape([2, 1]))))
        graph.append(.assertScalar, [.bool(true), .string("a \"quoted\"\ntext")], types: [])
        graph.outputs = [.value(wide)]
        try expectRecorded("\(graph)", in: "Tests/ApusGraphTests/Goldens/arguments.txt")
    }

    @Test func dot() throws {
        try expectRecorded(try branchGraph(OneSize()).dot(title: "branch"), in: "Tests/ApusGraphTests/Goldens/branch.dot")
    }

    @Test func svgIsWellFormed() throws {
        let svg = try branchGraph(OneSize()).svg(title: "branch <1>")
        try expectRecorded(svg, in: "Tests/ApusGraphTests/Goldens/branch.svg")
        #expect(XMLParser(data: Data(svg.utf8)).parse())
    }

    @Test func sameGraphSameText() throws {
        let one = OneSize()
        #expect(try "\(branchGraph(one))" == "\(branchGraph(one))")
    }
}
