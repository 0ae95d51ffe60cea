import Apus
import Foundation
import JudgeSupport
import Testing

/// What `export` takes and gives.
@Suite struct ExportCallTests {
    @Test func otherMajorVersionsAreRefused() throws {
        let path = temporaryPath(".pt2")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try export({ (x: Tensor) in try x + 1 }, args: try vector(2)).save(to: path)
        try Python.run(
            """
            import json, sys, zipfile
            with zipfile.ZipFile(sys.argv[1]) as file: members = {name: file.read(name) for name in file.namelist()}
            with zipfile.ZipFile(sys.argv[1], "w") as file:
                for name, data in members.items():
                    if "/models/" in name:
                        program = json.loads(data)
                        program["schema_version"]["major"] = 9
                        data = json.dumps(program)
                    file.writestr(name, data)
            """, [path])
        let error = #expect(throws: ArchiveError.self) { try ExportedProgram.load(from: path) }
        #expect(error?.code == .unsupportedVersion)
        #expect(error?.reason == "the program's schema has version 9.20; 8.x is read")
    }

    @Test func modulesKeepTheirState() throws {
        let model = try Linear(3, 2)
        let before = model.stateDict()
        let x = try Tensor.ones([4, 3])
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0)])
        let output: Tensor = try program(x)
        #expect(try output.allclose(model(x)))
        let exact: Tensor = try program.lowered(by: .exact)(x)
        #expect(try exact.floats == model(x).floats)
        for (name, tensor) in model.stateDict() { #expect(try tensor.floats == before[name]?.floats) }
        let node = program.graph.nodes.first
        #expect(node?.modulePath.last?.type == "Linear")
        #expect(node.map { "\($0.site?.description ?? "")" }?.contains("ExportCallTests.swift") == true)
    }

    @Test func capturedTensorsAreConstants() throws {
        let weight = try Tensor([1, 2, 3] as [Float], shape: [3])
        let x = try Tensor.ones([3])
        let program = try export({ (x: Tensor) in try x * weight + weight }, args: x)
        #expect(program.graphSignature.parameters.isEmpty && program.graphSignature.buffers.isEmpty)
        #expect(program.constants.count == 1)
        let output: Tensor = try program(x)
        #expect(try output.floats == [2, 4, 6])
    }

    @Test func oneTupleOfArgumentsIsForward() throws {
        let (x, y) = (try vector(3), try vector(3))
        let program = try export({ (x: Tensor, y: Tensor) in try x + y }, args: x, y)
        let programs = ExportedPrograms(program)
        #expect(programs.names == ["forward"])
        #expect(programs["forward"] === program && programs["model"] == nil)
        let sum: Tensor = try programs.program(named: "forward")(x, y)
        #expect(try sum.floats == [0, 2, 4])
    }

    @Test func entryPointsShareState() throws {
        let model = try Counter()
        let x = try Tensor.ones([3])
        let programs = try export(
            [
                "prefill": EntryPoint({ (x: Tensor) in try model(x) }, args: x),
                "decode": EntryPoint({ (x: Tensor) in try x * model.scale + model.count }, args: x),
            ],
            of: model)
        let (prefill, decode) = (try programs.program(named: "prefill"), try #require(programs["decode"]))
        let first: Tensor = try prefill(x)
        let second: Tensor = try decode(x)
        let third: Tensor = try prefill(x)
        #expect(try first.floats == [3, 3, 3] && second.floats == [3, 3, 3] && third.floats == [4, 4, 4])
        for name in ["scale", "count"] { #expect(prefill.stateDict[name]?.identity == decode.stateDict[name]?.identity) }
    }

    @Test func modulesAreGivenAsTheyAre() throws {
        final class Two: Module { func forward(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x - y } }
        final class Three: Module {
            func forward(_ x: Tensor, _ y: Tensor, _ z: Tensor) throws -> Tensor { try (x - y) * z }
        }
        let (x, y, z) = (try vector(3), try Tensor.ones([3]), try Tensor.full([3], 2.0))
        let (one, two, three) = (try Linear(3, 2), Two(), Three())
        let programs: [(ExportedProgram?, [Tensor], Tensor)] = [
            (exportReport(one, args: x).program, [x], try one(x)),
            (exportReport(two, args: x, y).program, [x, y], try two(x, y)),
            (exportReport(three, args: x, y, z).program, [x, y, z], try three(x, y, z)),
            (try export(["a": EntryPoint(one, args: x)], of: one)["a"], [x], try one(x)),
            (try export(["a": EntryPoint(two, args: x, y)], of: two)["a"], [x, y], try two(x, y)),
            (try export(["a": EntryPoint(three, args: x, y, z, isTraining: false)], of: three)["a"], [x, y, z], try three(x, y, z)),
        ]
        for (program, inputs, expected) in programs {
            #expect(try #require(program).run(inputs)[0].allclose(expected))
        }
    }

    /// One question for a whole shape, both answers of which are followed.
    @Test func shapesAndPatternsBranch() throws {
        let x = try Tensor.ones([2, 3])
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            if x.shape == y.shape { return try (x + y).sum() }
            switch x.shape[0] {
            case y.shape[0]...: return try x.sum() - y.sum()
            case ..<y.shape[0]: return try x.sum() * 2
            default: return try x.neg().sum()
            }
        }
        let dynamic: [any ConstraintConvertible] = [x, x].enumerated().map { dynamicDim($1, $0) }
        let y = try Tensor.ones([2, 3])
        let program = try export(
            f, args: x, y, constraints: dynamic + [dynamicDim(y, 0) <= x.shape[1] * 3, dynamicDim(y, 1).in(1..<6)])
        for sizes in [[2, 3, 2, 3], [2, 3, 2, 4], [4, 3, 2, 3], [1, 2, 7, 5], [1, 1, 1, 1]] {
            let a = try Tensor.full([sizes[0], sizes[1]], 3.0)
            let b = try Tensor.full([sizes[2], sizes[3]], 2.0)
            let (found, expected): (Tensor, Tensor) = (try program(a, b), try f(a, b))
            #expect(try found.sizes == expected.sizes && found.floats == expected.floats, "\(sizes)")
        }
        #expect(throws: ProgramError.self) { let _: Tensor = try program(x, Tensor.ones([2, 6])) }
        #expect(throws: ProgramError.self) { let _: Tensor = try program(x, Tensor.ones([10, 3])) }
    }

    @Test func wrongEntryPoints() throws {
        let x = try vector(3)
        let programs = try export([
            "prefill": EntryPoint({ (x: Tensor) in x }, args: x), "decode": EntryPoint({ (x: Tensor) in x }, args: x),
        ])
        #expect(programs["train"] == nil)
        #expect(text { _ = try programs.program(named: "train") } == "there is no entry point 'train'; there are: prefill, decode")
        #expect(text { _ = try export([:] as EntryPoints) } == "no entry point is given; name at least one")
        #expect(
            text { _ = try export(["a": EntryPoint({ (x: Tensor) in x }, args: x), "a": EntryPoint({ (x: Tensor) in x }, args: x)]) }
                == "the entry point 'a' is given twice")
    }

    @Test func leavesOfAllKinds() throws {
        let x = try Tensor([1, 2, 3] as [Float], shape: [3])
        func f(_ first: Tensor, _ times: Int, _ named: [String: Tensor], _ list: [Tensor], _ flag: Bool, _ name: String?, _ factor: Double)
            throws -> [String: [Tensor]]
        {
            let base = try flag ? first * Double(times) : first
            return ["a": [try base + named["k"]!], "b": try list.map { try $0 * factor }]
        }
        let program = try export(f, args: x, 3, ["k": x], [x, x], true, nil as String?, 0.5)
        let output: [String: [Tensor]] = try program(x, 3, ["k": x], [x, x], true, nil as String?, 0.5)
        #expect(try output["a"]?[0].floats == [4, 8, 12])
        #expect(try output["b"]?.count == 2 && output["b"]?[1].floats == [0.5, 1, 1.5])
        // What is no tensor is fixed.
        #expect(
            text { let _: [String: [Tensor]] = try program(x, 4, ["k": x], [x, x], true, nil as String?, 0.5) }
                == "y: the program was made with 3 and takes no other value, got 4")
        let named = try export({ (x: Tensor, name: String?) in x }, args: x, nil as String?)
        #expect(
            text { let _: Tensor = try named(x, "a" as String?) } == "y: the program was made with nil and takes no other value, got \"a\"")
        #expect(text { let _: Int = try named(x, nil as String?) } == "the program gives float32[3] where a value of type Int is asked for")
    }

    @Test func tuplesInsideOfTuples() throws {
        let x = try Tensor([1, 2] as [Float], shape: [2])
        let program = try export({ (x: Tensor) in (try x + 1, (try x * 2, ["n": (x, 7)]), "text") }, args: x)
        #expect(program.callSpec.outSpec.description == "(*, (*, {n: (*, *)}), *)")
        let (sum, parts, name): (Tensor, NestedValue, String) = try program(x)
        let (twice, dictionary): (Tensor, [String: NestedValue]) = try parts.unpacked()
        let (same, seven): (Tensor, Int) = try #require(dictionary["n"]).unpacked()
        #expect(try sum.floats == [2, 3] && twice.floats == [2, 4] && same.floats == [1, 2])
        #expect(seven == 7 && name == "text")
        let pairs = try export({ (x: Tensor) in [(x, 1), (try x * 3, 2)] }, args: x)
        let list: [NestedValue] = try pairs(x)
        let numbers: [(Tensor, Int)] = try list.map { try $0.unpacked() }
        #expect(try numbers.map(\.1) == [1, 2] && numbers[1].0.floats == [3, 6])
        #expect(
            text { let _: (Tensor, Tensor, Tensor) = try parts.unpacked() }
                == "the program gives (*, {n: (*, *)}) where a tuple of 3 is asked for")
        #expect(
            text { let _: (Tensor, Tensor) = try program(x) }
                == "the program gives (*, (*, {n: (*, *)}), *) where a tuple of 2 is asked for")
    }

    @Test func tuplesWithinArguments() throws {
        let x = try Tensor([1, 2] as [Float], shape: [2])
        func f(_ pairs: [(Tensor, Int)], _ named: [String: (Tensor, flag: Bool)], _ maybe: (Tensor, Double)?, _ none: (Tensor, Int)?) throws
            -> Tensor
        {
            var sum = try named["k"]?.flag == true ? pairs[0].0 * Double(pairs[0].1) + pairs[1].0 : x
            if let maybe { sum = try sum + maybe.0 * maybe.1 }
            return none == nil ? sum : x
        }
        let program = try export(f, args: [(x, 3), (x, 4)], ["k": (x, true)], (x, 10.0), nil)
        #expect(program.callSpec.inSpec.description == "([(*, *), (*, *)], {k: (*, *)}, (*, *), *)")
        #expect(program.graphSignature.userInputs.count == 4)
        let y = try x + 1
        let result: Tensor = try program([(x, 3), (y, 4)], ["k": (x, true)], (y, 10.0) as (Tensor, Double)?, nil as (Tensor, Int)?)
        #expect(try result.floats == [3 + 2 + 20, 6 + 3 + 30])
        #expect(
            text { let _: Tensor = try program([(x, 3), (y, 5)], ["k": (x, true)], (y, 10.0) as (Tensor, Double)?, nil as (Tensor, Int)?) }
                == "x[1].1: the program was made with 4 and takes no other value, got 5")
        // A tuple by itself is passed in a wrapper.
        func g(_ pair: NestedValue) throws -> Tensor {
            let (a, b): (Tensor, [Tensor]) = try pair.unpacked()
            return try a - b[0]
        }
        let wrapped = try export(g, args: try NestedValue((x, [y])))
        #expect(wrapped.callSpec.inSpec.description == "((*, [*]))")
        let difference: Tensor = try wrapped(try NestedValue((y, [x])))
        #expect(try difference.floats == [1, 1])
    }

    @Test func valuesOfOtherTypes() throws {
        struct Options {}
        let x = try vector(3)
        #expect(
            text { _ = try export({ (x: Tensor, o: Options) in x }, args: x, Options()) }
                == "a value of type Options can't be an argument or result of a program; use tensors, Int, Double, Bool, String, nil, tuples, arrays and dictionaries with String keys"
        )
        #expect(
            text { _ = try export({ (x: [Int: Tensor]) in x[1]! }, args: [1: x]) }
                == "the keys of a dictionary of type Dictionary<Int, Tensor> must be of type String")
    }

    @Test func staticWithoutConstraints() throws {
        let x = try Tensor.ones([4, 8])
        let program = try export({ (x: Tensor) in try x.sin() }, args: x)
        #expect(program.symbolToRange.isEmpty)
        #expect(text { let _: Tensor = try program(try Tensor.ones([5, 8])) } == "x: dimension 0 must be 4, got 5")
        #expect(text { let _: Tensor = try program(try Tensor.ones([4])) } == "x: expected 2 dimensions, got 1 (shape [4])")
        #expect(text { let _: Tensor = try program(try Tensor.ones([4, 8], dtype: .int64)) } == "x: expected dtype float32, got int64")
    }

    @Test func constraintsInAnyOrder() throws {
        let (x, y) = (try vector(5), try vector(5))
        let list: [any ConstraintConvertible] = [
            dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6, dynamicDim(x, 0) == dynamicDim(y, 0), dynamicDim(y, 0) >= 4,
        ]
        for first in list.indices {
            let turned: [any ConstraintConvertible] = Array(list[first...] + list[..<first])
            for constraints in [turned, turned.reversed()] {
                let program = try export({ (x: Tensor, y: Tensor) in try x * y }, args: x, y, constraints: constraints)
                #expect(program.symbolToRange.map { "\($0.key): \($0.value)" } == ["s0: 4...6"])
            }
        }
        let other = try vector(4)
        #expect(
            text { _ = try export({ (x: Tensor) in x }, args: x, constraints: [dynamicDim(other, 0)]) }
                == "dynamicDim(_, 0): its tensor of float32[4] is not among the arguments; pass the same tensor to dynamicDim and to args")
    }

    @Test func theModelIsAsBefore() throws {
        let model = try Counter()
        model.count = try Tensor.full([1], 0.1)
        let (before, identity) = (try model.count.floats, model.count.identity)
        let program: ExportedProgram = try export(model, args: try vector(3))
        #expect(try model.count.floats.map(\.bitPattern) == before.map(\.bitPattern) && model.count.identity == identity)
        #expect(model.namedState().allSatisfy { !$0.tensor.isTraced })
        let _: Tensor = try program(try vector(3))
        #expect(try model.count.floats == before)
    }
}
