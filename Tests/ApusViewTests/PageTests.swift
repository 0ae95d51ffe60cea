import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusTensor
import ApusView
import Foundation
import Testing

@Suite("Pages of programs") struct PageTests {
    /// What a page's script reads, as far as the tests do.
    private struct Page: Decodable {
        struct Named: Decodable { let name, type: String }
        struct Range: Decodable { let symbol, origin, range: String }
        struct Guard: Decodable { let condition, message: String }
        struct Weight: Decodable {
            struct Values: Decodable {
                let minimum, maximum, mean: Double
                let count, nonFinite: Int
                let bins: [Int]
            }
            let name, role, type: String
            let byteCount: Int
            let values: Values?
        }
        struct Input: Decodable {
            let value: Int
            let name: String
            let weight: Int?
        }
        struct Result: Decodable {
            let value: Int
            let name, type: String
        }
        struct Module: Decodable {
            let path, type: String
            let parent: Int?
        }
        struct Node: Decodable {
            let op, text: String
            let reads: [Int]
            let gives: [Result]
            let site: String?
            let module: Int?
            let bodies: [Body]
            let microseconds: Double?
        }
        struct Body: Decodable {
            let name: String
            let graph: Drawing
        }
        struct Drawing: Decodable {
            let inputs: [Input]
            let nodes: [Node]
            let modules: [Module]
            var nodeCount: Int { nodes.reduce(nodes.count) { $1.bodies.reduce($0) { $0 + $1.graph.nodeCount } } }
        }
        struct Lowered: Decodable {
            let lines: [String]
            let microseconds: [String: Double]
            let total: Double?
        }
        let title: String
        let inputs, outputs: [Named]
        let ranges: [Range]
        let guards: [Guard]
        let weights: [Weight]
        let graph: Drawing
        let lowered: Lowered?

        init(_ html: String) throws {
            let open = "<script type=\"application/json\" id=\"data\">"
            let start: String.Index = try #require(html.range(of: open)).upperBound
            let end: String.Index = try #require(html.range(of: "</script>", range: start..<html.endIndex)).lowerBound
            self = try JSONDecoder().decode(Page.self, from: Data(html[start..<end].utf8))
        }
    }

    @Test("A page says what a program takes, gives and holds") func contents() throws {
        let program = try Programs.layers()
        let html: String = try ProgramPage(program, title: "layers").html
        let page = try Page(html)
        #expect(html.hasPrefix("<!doctype html>") && page.title == "layers" && html.contains("<title>layers</title>"))
        #expect(page.inputs.map(\.name) == ["x"] && page.inputs.map(\.type) == ["float32[s0, 3]"])
        #expect(page.outputs.map(\.type) == ["float32[s0, 2]"])
        #expect(page.ranges.map(\.origin) == ["x.shape[0]"] && page.ranges.map(\.range) == ["1...64"])
        #expect(page.graph.nodeCount == program.graph.totalNodeCount)
        #expect(Set(page.weights.map(\.name)) == Set(program.stateDict.keys) && page.weights.allSatisfy { $0.role == "parameter" })
        for weight in page.weights {
            let tensor: Tensor = try #require(program.stateDict[weight.name])
            let numbers: [Double] = try tensor.array(of: Double.self)
            let values = try #require(weight.values)
            #expect(values.count == numbers.count && values.bins.reduce(0, +) == numbers.count && values.nonFinite == 0)
            #expect(values.minimum == numbers.min() && values.maximum == numbers.max())
            #expect(abs(values.mean - numbers.reduce(0, +) / Double(numbers.count)) < 1e-12)
        }
        // Each node with a place in the modules, and the line that it comes from.
        #expect(page.graph.nodes.allSatisfy { $0.site != nil && $0.module != nil })
        #expect(page.graph.modules.contains { $0.type == "Linear" })
        #expect(page.lowered == nil)
    }

    @Test("Branches and loops have graphs of their own") func bodies() throws {
        let program = try Programs.branches()
        let page = try Page(ProgramPage(program, title: "branches").html)
        #expect(page.graph.nodeCount == program.graph.totalNodeCount)
        let names: [[String]] = page.graph.nodes.filter { !$0.bodies.isEmpty }.map { $0.bodies.map(\.name) }
        #expect(names == [["true_graph", "false_graph"], ["cond_graph", "body_graph"]], "\(names)")
        let inner: [String] = page.graph.nodes.flatMap(\.bodies).flatMap { $0.graph.nodes.map(\.op) }
        #expect(inner.contains("aten::sin") && inner.contains("aten::cos"))
    }

    @Test("For inputs the program is shown as it runs, and timed where asked") func lowered() throws {
        let program = try Programs.layers()
        let x = try Tensor.ones([4, 3])
        let plain = try Page(ProgramPage(program, title: "", inputs: [x]).html)
        let lines: [String] = try #require(plain.lowered?.lines)
        #expect(lines.joined(separator: "\n") == (try program.loweredText(for: [x])))
        #expect(plain.lowered?.total == nil && plain.graph.nodes.allSatisfy { $0.microseconds == nil })
        let timed = try Page(ProgramPage(program, title: "", inputs: [x], isProfiled: true).html)
        let lowered = try #require(timed.lowered)
        #expect(timed.graph.nodes.allSatisfy { ($0.microseconds ?? -1) >= 0 } && (lowered.total ?? 0) > 0)
        #expect(!lowered.microseconds.isEmpty)
        for (place, time) in lowered.microseconds {
            let line: String = lowered.lines[try #require(Int(place))]
            #expect(line.hasPrefix("    ") && line.contains("aten::") && time <= (lowered.total ?? 0), "\(line)")
        }
        #expect(throws: ProgramError.self) { try ProgramPage(program, title: "", inputs: [Tensor.ones([65, 3])]) }
    }

    @Test("A run for times leaves buffers as they are") func buffers() throws {
        let model = try BatchNorm1d(3)
        let program = try export(model, args: Tensor.ones([4, 3]))
        let before: [String: [Double]] = try program.stateDict.mapValues { try $0.array(of: Double.self) }
        let page = try Page(ProgramPage(program, title: "", inputs: [Tensor.randn([4, 3], seed: 1)], isProfiled: true).html)
        #expect(page.weights.contains { $0.role == "buffer" })
        #expect(try program.stateDict.mapValues { try $0.array(of: Double.self) } == before)
    }

    /// What would leave the data, or run, if it were markup anywhere.
    private static let attacks = [
        "</script><script>window.attacked = 1</script>", "<!--<script>", "\"};alert(1);//", "{{script}}", "<img src=x onerror=alert(1)>",
        "\u{2028}]]>&lt;", "\\u003c/script>",
    ]

    @Test("Texts of a program stay texts", arguments: attacks) func escaping(attack: String) throws {
        var parts: ProgramParts = try Programs.layers().parts
        var graph: Graph = parts.graph
        for index in graph.values.indices { graph.rename(Graph.Value(index: index), to: attack + "\(index)") }
        for index in graph.nodes.indices {
            graph.nodes[index].site = .text(attack)
            graph.nodes[index].provenance = attack
            graph.nodes[index].modulePath = [ModuleFrame(path: attack, type: attack)]
        }
        parts.graph = graph
        parts.inputRoles = parts.inputRoles.enumerated().map { $1 == .userInput ? $1 : .parameter(attack + "\($0)") }
        parts.leafNames = [attack]
        let html: String = try ProgramPage(ExportedProgram(parts), title: attack).html
        let plain: String = try ProgramPage(Programs.layers(), title: "plain").html
        func count(_ text: String, _ part: String) -> Int { text.lowercased().components(separatedBy: part).count }
        for mark in ["<script", "</script", "<!--", "<img"] { #expect(count(html, mark) == count(plain, mark), "\(mark)") }
        let page = try Page(html)
        #expect(page.title == attack && page.inputs.map(\.name) == [attack] && page.weights.allSatisfy { $0.name.hasPrefix(attack) })
        #expect(page.graph.nodes.allSatisfy { $0.site == attack } && page.graph.modules.map(\.path) == [attack])
    }

    @Test("No page asks the network for anything") func alone() throws {
        let html: String = try ProgramPage(Programs.layers(), title: "layers").html
        for word in ["http://", "https://", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML", "eval("] {
            let allowed: Int = word == "http://" ? 1 : 0
            // The name of SVG's elements is an address that nobody asks for.
            #expect(html.components(separatedBy: word).count - 1 <= allowed, "\(word)")
        }
        #expect(html.contains("default-src 'none'"))
    }

    @Test("Ten thousand nodes take a bounded page, soon") func long() throws {
        let program = try Programs.long(10_000)
        let clock = ContinuousClock()
        var html = ""
        let duration: Duration = try clock.measure { html = try ProgramPage(program, title: "long").html }
        #expect(duration < .seconds(20) && html.utf8.count < 6_000_000, "\(duration), \(html.utf8.count) bytes")
        let page = try Page(html)
        #expect(page.graph.nodes.count == 10_000 && page.graph.modules.count == 1000)
        #expect(page.graph.modules.first?.path == "layers.0" && page.graph.nodes[4321].module == 432)
    }

    @Test("A module that is called twice is two runs") func runs() throws {
        var parts: ProgramParts = try Programs.long(30).parts
        let paths: [[String]] = (0..<30).map { $0 < 10 || $0 >= 20 ? ["a", "a.b"] : $0 < 15 ? ["a"] : [] }
        for (index, path) in paths.enumerated() { parts.graph.nodes[index].modulePath = path.map { ModuleFrame(path: $0, type: "T") } }
        let modules = try Page(ProgramPage(ExportedProgram(parts), title: "").html).graph.modules
        #expect(modules.map(\.path) == ["a", "a.b", "a", "a.b"] && modules.map(\.parent) == [nil, 0, nil, 2])
    }
}
