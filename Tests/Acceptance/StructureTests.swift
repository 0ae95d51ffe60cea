import Apus
import Foundation
import Testing

/// The checklist's items on values, structures and signatures.
@Suite struct StructureTests {
    @Test func s6LeavesOfAllKinds() throws {
        let x = try Tensor([1, 2, 3] as [Float], shape: [3])
        func f(_ first: Tensor, _ times: Int, _ named: [String: Tensor], _ list: [Tensor], _ flag: Bool, _ name: String?, _ factor: Double)
            throws -> [String: [Tensor]]
        {
            let base = try flag ? first * Double(times) : first
            return ["a": [try base + named["k"]!], "b": try list.map { try $0 * factor }]
        }
        let program = try export(f, args: x, 3, ["k": x], [x, x], true, nil as String?, 0.5)
        let output: [String: [Tensor]] = try program(x, 3, ["k": x], [x, x], true, nil as String?, 0.5)
        #expect(try output["a"]?[0].array(of: Float.self) == [4, 8, 12])
        #expect(try output["b"]?.count == 2 && output["b"]?[1].array(of: Float.self) == [0.5, 1, 1.5])
        let baked = #expect(throws: ProgramError.self) {
            let _: [String: [Tensor]] = try program(x, 4, ["k": x], [x, x], true, nil as String?, 0.5)
        }
        #expect(baked?.description == "y: the program was made with 3 and takes no other value, got 4")
        let structure = #expect(throws: ProgramError.self) { let _: [String: [Tensor]] = try program(x) }
        #expect(structure?.description == "the arguments have the structure (*) where the program takes (*, *, {k: *}, [*, *], *, *, *)")
    }

    @Test func tuplesOfResults() throws {
        let x = try Tensor([1, 2] as [Float], shape: [2])
        let program = try export({ (x: Tensor) in (try x + 1, [try x * 2, x], 7) }, args: x)
        let (a, b, c): (Tensor, [Tensor], Int) = try program(x)
        #expect(try a.array(of: Float.self) == [2, 3])
        #expect(try b[0].array(of: Float.self) == [2, 4] && b[1].array(of: Float.self) == [1, 2])
        #expect(c == 7)
        // An input that is returned unchanged is an input and an output.
        #expect(program.graphSignature.userOutputs.contains(program.graphSignature.userInputs[0]))
    }

    @Test func s3CapturedTensorsAreConstants() throws {
        let weight = try Tensor([1, 2, 3] as [Float], shape: [3])
        let x = try Tensor.ones([3])
        let program = try export({ (x: Tensor) in try x * weight + weight }, args: x)
        #expect(program.graphSignature.parameters.isEmpty && program.graphSignature.buffers.isEmpty)
        #expect(program.constants.count == 1)
        let output: Tensor = try program(x)
        #expect(try output.array(of: Float.self) == [2, 4, 6])
    }

    @Test func s2ModulesKeepTheirState() throws {
        let model = try Linear(3, 2)
        let before = try model.stateDict()
        let x = try Tensor.ones([4, 3])
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0)])
        let output: Tensor = try program(x)
        #expect(try output.array(of: Float.self) == model(x).array(of: Float.self))
        #expect(program.graphSignature.parameters == ["weight", "bias"])
        #expect(Set(program.graphSignature.inputsToParameters.values) == ["weight", "bias"])
        #expect(program.graphSignature.backwardSignature == nil)
        for (name, tensor) in try model.stateDict() {
            #expect(!tensor.isTraced)
            #expect(try tensor.array(of: Float.self) == before[name]?.array(of: Float.self))
        }
        let node = program.graph.nodes.first
        #expect(node?.modulePath.last?.type == "Linear")
        #expect(node.map { "\($0.site?.description ?? "")" }?.contains("StructureTests.swift") == true)
    }

    @Test func manyTasksAtOnce() async throws {
        let x = try Tensor.ones([4])
        let program = try export({ (x: Tensor) in try (x * 2 + 1).sin().sum() }, args: x, constraints: [dynamicDim(x, 0)])
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 1...64 {
                group.addTask {
                    let input = try Tensor.full([SymInt(task)], Double(task))
                    let output: Tensor = try program(input)
                    let expected = try (input * 2 + 1).sin().sum()
                    return try output.array(of: Float.self) == expected.array(of: Float.self)
                }
            }
            for try await same in group { #expect(same) }
        }
    }

    @Test func savedProgramsReload() throws {
        let path = "\(FileManager.default.temporaryDirectory.path)/apus-acceptance-\(UInt64.random(in: 0 ... .max)).pt2"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let x = try Tensor.ones([4, 2])
        let program = try export(SeedExamplesTests.branching, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        try program.save(to: path)
        let loaded = try ExportedProgram.load(from: path)
        for n in 3...6 {
            let input = try Tensor((0..<(2 * n)).map { Float($0) }, shape: [n, 2])
            let output: Tensor = try loaded(input)
            #expect(try output.array(of: Float.self) == SeedExamplesTests.branching(x: input).array(of: Float.self))
        }
        #expect(throws: ProgramError.self) { let _: Tensor = try loaded(try Tensor.ones([7, 2])) }
    }
}
