import Apus
import Foundation
import JudgeSupport
import Testing

private final class Part: Module {
    @Buffer var seen: Tensor
    @Parameter var scale: Tensor

    init(_ value: Double) throws {
        seen = try Tensor.zeros([2])
        scale = try Tensor.full([2], value)
    }

    func forward(_ x: Tensor) throws -> Tensor {
        seen = try seen + x.sum(dim: 0)
        return try x * scale
    }
}

/// State at every level, so that a walk from module to module meets parameters and buffers in turns.
private final class Whole: Module {
    @Buffer(persistent: false) var calls: Tensor
    @Parameter var shift: Tensor
    let first: Part
    let second: Part
    @Parameter var unused: Tensor
    @Buffer var idle: Tensor

    init() throws {
        shift = try Tensor.full([2], 0.5)
        first = try Part(2)
        second = try Part(3)
        unused = try Tensor.ones([1])
        idle = try Tensor.ones([1])
        calls = try Tensor.zeros([])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        calls = try calls + 1
        return try second(first(x)) + shift
    }
}

/// Which input and output of a program is what.
@Suite struct SignatureTests {
    private let x: Tensor
    private let y: Tensor

    init() throws {
        x = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        y = try Tensor([0.5, -1, 1, 2] as [Float], shape: [2, 2])
    }

    /// A program with at least one input and output of each role.
    private func joint(_ model: Whole) throws -> ExportedProgram {
        let captured = try Tensor([1, -1] as [Float], shape: [2])
        return try exportJoint(
            { (x: Tensor, y: Tensor) in
                let result = try model(x) * y
                return (try result.square().sum(), try result * captured)
            }, of: model, args: x, y, withRespectTo: [x], loss: 0, constraints: [dynamicDim(x, 0) == dynamicDim(y, 0)])
    }

    private static let inputs: [InputRole] = [
        .parameter("shift"), .parameter("unused"), .parameter("first.scale"), .parameter("second.scale"),
        .buffer("calls", persistent: false), .buffer("idle", persistent: true), .buffer("first.seen", persistent: true),
        .buffer("second.seen", persistent: true), .constant("lifted_tensor_0"), .userInput, .userInput,
    ]
    private static let outputs: [OutputRole] = [
        .bufferMutation("calls"), .bufferMutation("first.seen"), .bufferMutation("second.seen"), .loss, .userOutput,
        .gradientToParameter("shift"), .gradientToParameter("first.scale"), .gradientToParameter("second.scale"), .gradientToUserInput("x"),
    ]

    /// Every input and output has one name, one role, and its role's place.
    private func checkRoles(_ program: ExportedProgram, sourceLocation: SourceLocation = #_sourceLocation) {
        let signature = program.graphSignature
        #expect(signature.inputRoles == Self.inputs, sourceLocation: sourceLocation)
        #expect(signature.outputRoles == Self.outputs, sourceLocation: sourceLocation)
        let inputs = program.graph.inputs.map { program.graph.name($0) }
        let named = Array(signature.inputsToParameters.keys) + Array(signature.inputsToBuffers.keys) + signature.userInputs
        #expect(Set(inputs).count == inputs.count && Set(named).count == named.count, sourceLocation: sourceLocation)
        #expect(named.count + signature.constants.count == inputs.count, sourceLocation: sourceLocation)
        let outputs = program.graph.outputs.compactMap { $0.value.map { program.graph.name($0) } }
        let backward = signature.backwardSignature
        let given =
            Array(signature.buffersToMutate.keys) + signature.userOutputs + Array((backward?.gradientsToParameters ?? [:]).keys)
            + Array((backward?.gradientsToUserInputs ?? [:]).keys)
        #expect(Set(given) == Set(outputs) && given.count == outputs.count, sourceLocation: sourceLocation)
    }

    @Test func inputsAndOutputsAreOrdered() throws {
        let model = try Whole()
        let program = try joint(model)
        checkRoles(program)
        checkRoles(try program.transform(CommonSubexpressionElimination()))
        checkRoles(try program.addRuntimeAssertions())
        checkRoles(try reloaded(program))
        let captured = try Tensor([1, -1] as [Float], shape: [2])
        let entries = try export(
            [
                "train": .joint(
                    { (x: Tensor, y: Tensor) in
                        let result = try model(x) * y
                        return (try result.square().sum(), try result * captured)
                    }, args: x, y, withRespectTo: [x], loss: 0),
                "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: x),
            ], of: model)
        checkRoles(try entries.program(named: "train"))
        let eval = try entries.program(named: "eval").graphSignature
        #expect(eval.inputRoles == Self.inputs.filter { $0 != .constant("lifted_tensor_0") }.dropLast())
        #expect(eval.outputRoles == Self.outputs.prefix(3) + [.userOutput])
        // Run in this order, all of them change the buffers that they name.
        let expected = try Whole()
        _ = try expected(x)
        for program in [program, try reloaded(program)] {
            let step = try program.valueAndGradients(x, y)
            #expect(step.gradients.entries.map(\.names) == [["shift"], ["unused"], ["first.scale"], ["second.scale"]])
            for (name, buffer) in expected.namedBuffers() where name != "calls" {
                #expect(try program.stateDict[name]?.floats == buffer.floats, "\(name)")
            }
        }
    }

    @Test func pytorchReadsTheOrder() throws {
        let path = temporaryPath(".pt2")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try joint(try Whole()).save(to: path)
        let kinds = try Python.run(
            """
            import sys, torch
            signature = torch.export.load(sys.argv[1]).graph_signature
            print([spec.kind.name for spec in signature.input_specs])
            print([spec.kind.name for spec in signature.output_specs])
            print(list(signature.parameters), list(signature.buffers), list(signature.buffers_to_mutate.values()))
            """, [path])
        #expect(
            kinds == """
                ['PARAMETER', 'PARAMETER', 'PARAMETER', 'PARAMETER', 'BUFFER', 'BUFFER', 'BUFFER', 'BUFFER', 'CONSTANT_TENSOR', 'USER_INPUT', 'USER_INPUT']
                ['BUFFER_MUTATION', 'BUFFER_MUTATION', 'BUFFER_MUTATION', 'LOSS_OUTPUT', 'USER_OUTPUT', 'GRADIENT_TO_PARAMETER', 'GRADIENT_TO_PARAMETER', 'GRADIENT_TO_PARAMETER', 'GRADIENT_TO_USER_INPUT']
                ['shift', 'unused', 'first.scale', 'second.scale'] ['calls', 'idle', 'first.seen', 'second.seen'] ['calls', 'first.seen', 'second.seen']

                """)
    }

    /// A file may hold its inputs in any order: what PyTorch wrote is turned around and read.
    @Test func filesInAnotherOrder() throws {
        let path = temporaryPath(".pt2")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Python.run(
            """
            import json, sys, torch, zipfile
            class Part(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.register_buffer("seen", torch.zeros(2))
                    self.scale = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
                def forward(self, x):
                    self.seen.add_(x.sum(0))
                    return x * self.scale
            class Whole(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.first, self.second = Part(), Part()
                    self.offset = torch.tensor([1.0, 1.0])
                def forward(self, x): return self.second(self.first(x)) + self.offset, x
            torch.export.save(torch.export.export(Whole(), (torch.ones(2, 2),)).run_decompositions(), sys.argv[1])
            with zipfile.ZipFile(sys.argv[1]) as file: members = {name: file.read(name) for name in file.namelist()}
            with zipfile.ZipFile(sys.argv[1], "w") as file:
                for name, data in members.items():
                    if "/models/" in name:
                        program = json.loads(data)
                        module = program["graph_module"]
                        for values in (module["graph"]["inputs"], module["signature"]["input_specs"]): values.reverse()
                        data = json.dumps(program)
                    file.writestr(name, data)
            """, [path])
        let program = try ExportedProgram.load(from: path)
        #expect(
            program.graphSignature.inputRoles == [
                .parameter("second.scale"), .parameter("first.scale"), .buffer("second.seen", persistent: true),
                .buffer("first.seen", persistent: true), .constant("offset"), .userInput,
            ])
        #expect(program.graphSignature.outputRoles.map { $0 == .userOutput } == [false, false, true, true])
        for _ in 0..<2 {
            let (sum, same): (Tensor, Tensor) = try program(x)
            #expect(try sum.floats == [5, 19, 13, 37] && same.floats == x.floats)
        }
        #expect(try program.stateDict["first.seen"]?.floats == [8, 12] && program.stateDict["second.seen"]?.floats == [16, 36])
    }

    @Test func gradientsByName() throws {
        let model = try Whole()
        let program = try joint(model)
        let backward = try #require(program.graphSignature.backwardSignature)
        #expect(Set(backward.gradientsToParameters.values) == ["shift", "first.scale", "second.scale"])
        #expect(Array(backward.gradientsToUserInputs.values) == ["x"] && program.graphSignature.userInputs == ["x", "y"])
        let results = try GraphExecutor(program.graph).run(
            program.graphSignature.inputRoles.map { role in
                switch role {
                case .parameter(let name), .buffer(let name, _): try #require(program.stateDict[name])
                case .constant(let name): try #require(program.constants[name])
                case .userInput: x
                }
            }.dropLast() + [y])
        let outputs = program.graph.outputs.map { $0.value.map { program.graph.name($0) } ?? "" }
        let byName = Dictionary(zip(outputs, results.map(\.tensor)), uniquingKeysWith: { first, _ in first })
        let eager = try valueAndGradient(of: model) { try ($0(x) * y).square().sum() }
        for (node, name) in backward.gradientsToParameters {
            #expect(try byName[node]??.floats == eager.gradients[name]?.floats, "\(name)")
        }
        let ofInput = try gradient(at: x) { try (model($0) * y).square().sum() }
        for node in backward.gradientsToUserInputs.keys { #expect(try byName[node]??.floats == ofInput.floats) }
        #expect(try byName[backward.lossOutput]??.floats == eager.value.floats)
    }

    @Test func theLossIsNamed() throws {
        let model = try Linear(2, 2)
        let program = try exportJoint({ (x: Tensor) in (try model(x), try model(x).sum()) }, of: model, args: x, loss: 1)
        let loss = try #require(program.graphSignature.backwardSignature?.lossOutput)
        #expect(program.graphSignature.userOutputs[1] == loss)
        #expect(program.graph.value(named: loss).flatMap { program.graph.spec($0) }?.description == "float32[]")
        #expect(
            text { _ = try exportJoint({ (x: Tensor) in try model(x) }, of: model, args: x) }
                == "the loss has shape [2, 2]; gradients need one element: use sum() or mean() over it")
        #expect(
            text { _ = try exportJoint({ (x: Tensor) in (try model(x).sum(), x) }, of: model, args: x) }
                == "the function returns 2 values ((*, *)); say which is the loss: exportJoint(..., loss: 0)")
    }

    private final class Tied: Module {
        @Parameter var encoder: Tensor
        @Buffer var table: Tensor
        @Parameter var decoder: Tensor

        init() throws {
            (encoder, table, decoder) = (try Tensor.ones([2]), try Tensor.zeros([2]), try Tensor.ones([2]))
            decoder = encoder
        }

        func forward(_ x: Tensor) throws -> Tensor { try x * encoder + decoder + table }
    }

    @Test func tiedNamesHaveOneStorage() throws {
        let model = try Tied()
        let program = try export(model, args: x)
        for program in [program, try reloaded(program)] {
            #expect(program.graphSignature.parameters == ["encoder", "decoder"] && program.graphSignature.buffers == ["table"])
            let state = program.stateDict
            #expect(state["encoder"]?.baseAddress == state["decoder"]?.baseAddress && state["encoder"] != nil)
            #expect(state["encoder"]?.baseAddress != state["table"]?.baseAddress)
        }
        // Set under one name, it is set under both.
        try program.load(["encoder": try Tensor.full([2], 5.0)], strict: false)
        #expect(try program.stateDict["decoder"]?.floats == [5, 5])
        let output: Tensor = try program(try Tensor.ones([2, 2]))
        #expect(try output.floats == [10, 10, 10, 10])
    }

    @Test func namesAfterFlattening() throws {
        let program = try export(
            { (x: Tensor, n: Int, list: [Tensor], named: [String: Tensor]) in
                (x, ["b": try x + list[1], "a": named["k"]!], list)
            }, args: x, 3, [x, y], ["k": y], options: ExportOptions(names: ["x", "n", "list", "named"]))
        let signature = program.graphSignature
        #expect(signature.userInputs == ["x", "list_0_", "list_1_", "named_k"])
        // Inputs that are returned unchanged are in both lists; keys come in order.
        #expect(signature.userOutputs == ["x", "named_k", "add", "list_0_", "list_1_"])
        for name in signature.userInputs + signature.userOutputs { #expect(program.graph.value(named: name) != nil) }
    }

    @Test func inputsOfParametersAndBuffers() throws {
        let program = try export(try Whole(), args: x)
        let signature = program.graphSignature
        #expect(signature.parameters == ["shift", "unused", "first.scale", "second.scale"])
        #expect(signature.buffers == ["calls", "idle", "first.seen", "second.seen"])
        #expect(
            signature.inputsToParameters
                == ["p_shift": "shift", "p_unused": "unused", "p_first_scale": "first.scale", "p_second_scale": "second.scale"])
        #expect(
            signature.inputsToBuffers
                == ["b_calls": "calls", "b_idle": "idle", "b_first_seen": "first.seen", "b_second_seen": "second.seen"])
        let read = program.graph.lastUses()
        for (index, input) in program.graph.inputs.enumerated() where signature.inputRoles[index] == .parameter("unused") {
            #expect(read[input.index] == -1)
        }
    }

    @Test func buffersCount() throws {
        let model = try Counter()
        let x = try Tensor.ones([3])
        let program = try export(model, args: x)
        #expect(program.graphSignature.buffersToMutate == ["add": "count"])
        #expect(program.graph.value(named: "add") == program.graph.outputs[0].value)
        let first: Tensor = try program(x)
        let second: Tensor = try program(x)
        #expect(try first.floats == [3, 3, 3] && second.floats == [4, 4, 4])
        #expect(try program.stateDict["count"]?.floats == [2] && model.count.floats == [0])
    }

    @Test func onlyJointProgramsHaveABackwardSignature() throws {
        #expect(try export(try Whole(), args: x).graphSignature.backwardSignature == nil)
        #expect(try joint(try Whole()).graphSignature.backwardSignature != nil)
        #expect(
            text { _ = try export(try Whole(), args: x).valueAndGradients(x) }
                == "the program computes no gradients; make it with exportJoint, or EntryPoint.joint")
    }
}
