import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// What a file says and this library would otherwise pass over.
@Suite("Files that must not be misread")
struct MisreadFileTests {
    private func number(_ value: Int) throws -> Tensor { try Tensor([value], shape: []) }

    @Test("The bits of numbers are not their truth")
    func bits() throws {
        func evaluate(_ target: String, _ a: SymValue, _ b: SymValue) throws -> SymValue { try SymArithmetic.evaluate(target, [a, b]) }
        #expect(try evaluate("_operator.and_", .int(12), .int(6)).int?.constant == 4)
        #expect(try evaluate("_operator.or_", .int(12), .int(6)).int?.constant == 14)
        #expect(try evaluate("_operator.and_", .bool(true), .int(6)).int?.constant == 0)
        let scope = SymbolScope()
        let symbol: Symbol = scope.makeSymbol(name: "s0")
        let n: SymInt = scope.size(symbol)
        let error = archiveError(.unsupported) { _ = try evaluate("_operator.and_", .int(n), .int(6)) }
        #expect(error?.reason == "'_operator.and_' on the bits of a number that varies is not supported")
        let isLarge: SymBool = n > 3
        guard case .bool(let both) = try evaluate("_operator.and_", .bool(isLarge), .bool(n < 9)) else {
            Issue.record("two conditions give no condition")
            return
        }
        for value in [3, 4, 8, 9] { #expect(scope.evaluate(both, at: Assignment([symbol: value])) == (4...8).contains(value)) }
    }

    @Test("A loop's body that is read again is held to the ranges that the file declares")
    func rangesInLoops() throws {
        let x = try Tensor([0.5, 1, 2] as [Float], shape: [3])
        let program = try export(
            { (x: Tensor, k: Tensor) -> Tensor in
                let (all, _): (Tensor, Tensor) = try whileLoop((x, k)) { y, _ in
                    y.shape[0] < 20
                } do: { y, k in
                    let n: SymInt = try k.item()
                    let grown: Tensor = try Tensor.cat([y, y + n])
                    let next: Tensor = try k + 1
                    return (grown, next)
                }
                return all
            }, args: x, number(2))
        let folder = try TemporaryFolder()
        try program.save(to: folder.file("loop.pt2"))
        // The file takes the size for one that stays, so that the body is read twice.
        try editProgram(
            folder.file("loop.pt2"),
            """
            loop = next(node for node in graph["nodes"] if node["target"].endswith("while_loop"))
            body = loop["inputs"][1]["arg"]["as_graph"]["graph"]
            body["tensor_values"][body["inputs"][0]["as_tensor"]["name"]]["sizes"] = [{"as_int": 3}]
            item = next(node for node in body["nodes"] if node["target"] == "torch.ops.aten.item.default")
            value = body["sym_int_values"][item["outputs"][0]["as_sym_int"]["as_name"]]
            symbol = re.search(r"Symbol\\('(\\w+)'", value["as_expr"]["expr_str"]).group(1)
            program["range_constraints"][symbol] = {"min_val": 0, "max_val": 5}
            """)
        let again = try ExportedProgram.load(from: folder.file("loop.pt2"))
        // Three passes read three numbers that follow each other.
        let expected: Tensor = try program(x, number(3))
        let result: Tensor = try again(x, number(3))
        #expect(try result.array(of: Float.self) == expected.array(of: Float.self))
        for value in [-1, 4] { #expect(throws: TensorError.self) { let _: Tensor = try again(x, number(value)) } }
    }

    @Test("A side of a branch that always fails is a check, and so is a branch of which neither side goes on")
    func failingSides() throws {
        let x = try Tensor([0.5, 1, 2, 3, 4, 5] as [Float], shape: [6])
        let program = try export(
            { (x: Tensor) -> Tensor in
                let n: SymInt = x.shape[0]
                return try cond(n > 4) {
                    try cond(n > 6) {
                        try x.narrowed(dim: 0, from: 4, length: 2)
                    } else: {
                        try x.narrowed(dim: 0, from: 3, length: 2)
                    }
                } else: {
                    try x.narrowed(dim: 0, from: 0, length: 2) * 2
                }
            }, args: x, constraints: [dynamicDim(x, 0).in(2...8)])
        let folder = try TemporaryFolder()
        for both in [false, true] {
            try program.save(to: folder.file("cond.pt2"))
            try editProgram(
                folder.file("cond.pt2"),
                """
                cond = next(node for node in graph["nodes"] if node["target"].endswith("cond"))
                outer = cond["inputs"][1]["arg"]["as_graph"]["graph"]
                inner = next(node for node in outer["nodes"] if node["target"].endswith("cond"))
                for side in [2, 1] if \(both ? "True" : "False") else [2]:
                    body = inner["inputs"][side]["arg"]["as_graph"]["graph"]
                    narrow = next(node for node in body["nodes"] if node["target"] == "torch.ops.aten.narrow.default")
                    narrow["inputs"][3]["arg"] = {"as_int": 100}
                """)
            let again = try ExportedProgram.load(from: folder.file("cond.pt2"))
            for size in 2...8 {
                let input: Tensor = try Tensor.arange(size).to(.float32)
                if size <= 4 || (size > 6 && !both) {
                    let expected: Tensor = try program(input)
                    let result: Tensor = try again(input)
                    #expect(try result.array(of: Float.self) == expected.array(of: Float.self))
                } else if both {
                    #expect(throws: ProgramError.self) { let _: Tensor = try again(input) }
                } else {
                    #expect(throws: TensorError.self) { let _: Tensor = try again(input) }
                }
            }
        }
    }

    @Test("Two bodies that use one name are held to its range alike")
    func rangesInScans() throws {
        let x = try Tensor([0.5, 1, 2] as [Float], shape: [3])
        let k = try Tensor([1, 2], shape: [2])
        let fitting = try Tensor([3, 5], shape: [2])
        let program = try export(
            { (x: Tensor, k: Tensor, j: Tensor) -> (Tensor, Tensor) in
                let products: Tensor = try map(k) { row in try x * row.item() }
                let sums: Tensor = try map(j) { row in try x + row.item() }
                return (products, sums)
            }, args: x, k, fitting)
        let folder = try TemporaryFolder()
        try program.save(to: folder.file("scans.pt2"))
        try editProgram(
            folder.file("scans.pt2"),
            """
            def symbol(body):
                item = next(node for node in body["nodes"] if node["target"] == "torch.ops.aten.item.default")
                value = body["sym_int_values"][item["outputs"][0]["as_sym_int"]["as_name"]]
                return re.search(r"Symbol\\('(\\w+)'", value["as_expr"]["expr_str"]).group(1)
            first, second = [node["inputs"][0]["arg"]["as_graph"] for node in graph["nodes"] if node["target"].endswith("map_impl")]
            name, other = symbol(first["graph"]), symbol(second["graph"])
            second["graph"] = json.loads(json.dumps(second["graph"]).replace(f"'{other}'", f"'{name}'"))
            program["range_constraints"][name] = {"min_val": 0, "max_val": 5}
            """)
        let again = try ExportedProgram.load(from: folder.file("scans.pt2"))
        let far = try Tensor([1, 7], shape: [2])
        let expected: Tensor = try program.run([x, k, fitting])[1]
        let sums: Tensor = try again.run([x, k, fitting])[1]
        #expect(try sums.array(of: Float.self) == expected.array(of: Float.self))
        for inputs in [[x, far, k], [x, k, far]] { #expect(throws: TensorError.self) { try again.run(inputs) } }
    }

    @Test("A buffer keeps its dtype and shape")
    func buffers() throws {
        let programs = try TorchSnippets([
            TorchSnippet(
                name: "swapped", forward: "self.count.add_(1)\nself.sum.add_(x)\nreturn x * 2", input: "torch.ones(3)",
                setup:
                    "self.register_buffer('count', torch.zeros((), dtype=torch.int64))\nself.register_buffer('sum', torch.zeros(3))",
                isCore: true),
            TorchSnippet(
                name: "open", forward: "self.b.add_(1)\nreturn x * 2", input: "torch.ones(4)",
                setup: "self.register_buffer('b', torch.zeros(3))", dynamic: TorchSnippet.rows, isCore: true),
        ])
        try editProgram(
            programs.path("swapped"),
            """
            specs = program["graph_module"]["signature"]["output_specs"]
            count, total = [spec["buffer_mutation"] for spec in specs if "buffer_mutation" in spec]
            count["buffer_name"], total["buffer_name"] = total["buffer_name"], count["buffer_name"]
            """)
        #expect(
            programs.refusal("swapped", .invalidProgram)?.reason
                == "the buffer 'sum' changes from float32[3] to int64[]; a buffer keeps its dtype and shape")
        // The buffer gets the result, whose size the call decides.
        try editProgram(
            programs.path("open"),
            """
            graph["outputs"][0] = graph["outputs"][1]
            specs = program["graph_module"]["signature"]["output_specs"]
            specs[0]["buffer_mutation"]["arg"] = specs[1]["user_output"]["arg"]["as_tensor"]
            """)
        let program = try ExportedProgram.load(from: programs.path("open"))
        #expect(throws: ProgramError.self) { try program.run([try Tensor.ones([4])]) }
        for _ in 0..<2 { #expect(try program.run([try Tensor.ones([3])])[0].array(of: Float.self) == [2, 2, 2]) }
        #expect(try program.stateDict["b"]?.array(of: Float.self) == [2, 2, 2])
    }

    @Test("An argument that the operator does not have here is refused, settings of devices aside")
    func arguments() throws {
        let programs = try TorchSnippets([TorchSnippet(name: "product", forward: "return x * 2", input: "torch.ones(3)")])
        try editProgram(
            programs.path("product"),
            """
            device = {"as_device": {"type": "cuda", "index": 0}}
            graph["nodes"][0]["inputs"] += [{"name": "device", "arg": device}, {"name": "precision", "arg": {"as_none": True}}]
            """)
        try programs.check("product")
        try editProgram(programs.path("product"), #"graph["nodes"][0]["inputs"][-1]["arg"] = {"as_string": "half"}"#)
        let error = programs.refusal("product", .unsupported)
        #expect(error?.location == "graph_module.graph.nodes[0] (torch.ops.aten.mul.Tensor): argument 'precision'")
        #expect(error?.reason == "is not one of the operator's here, and could change the result")
    }
}
