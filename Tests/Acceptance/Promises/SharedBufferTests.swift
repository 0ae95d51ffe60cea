import Apus
import Foundation
import JudgeSupport
import Testing

/// Buffers whose new values are something else's too. Each keeps a name of its own, so that none is lost.
private final class Sharing: Module {
    @Buffer var first: Tensor
    @Buffer var second: Tensor
    @Buffer var last: Tensor
    @Buffer var result: Tensor
    @Buffer var turned: Tensor

    init() throws {
        first = try Tensor([1, 2] as [Float], shape: [2])
        second = try Tensor([3, 4] as [Float], shape: [2])
        last = try Tensor.zeros([2])
        result = try Tensor.zeros([2])
        turned = try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    }
}

@Suite struct SharedBufferTests {
    /// What a call returns and leaves behind, in eager code and in a program.
    private func check(_ changed: [String], _ function: @escaping (Sharing, Tensor) throws -> [Tensor]) throws {
        let model = try Sharing()
        let example = try Tensor([5, 6] as [Float], shape: [2])
        let program = try export({ (x: Tensor) in try function(model, x) }, of: model, args: example)
        let again = try reloaded(program)
        for program in [program, again, try program.transform(CommonSubexpressionElimination(), DeadCodeElimination())] {
            let mutations = program.graphSignature.buffersToMutate
            #expect(mutations.values.sorted() == changed)
            // No output stands for two things.
            #expect(Set(mutations.keys).isDisjoint(with: program.graphSignature.userOutputs))
            let twin = try Sharing()
            for step in 1...3 {
                let x = try example * Double(step)
                let (expected, found): ([Tensor], [Tensor]) = (try function(twin, x), try program(x))
                for (a, b) in zip(expected, found) { #expect(try a.floats == b.floats) }
                for (name, buffer) in twin.namedBuffers() {
                    #expect(try program.stateDict[name]?.floats == buffer.floats, "\(name), call \(step)")
                }
            }
        }
        try checkInPyTorch(try export({ (x: Tensor) in try function(model, x) }, of: model, args: example), function)
    }

    private func checkInPyTorch(_ program: ExportedProgram, _ function: (Sharing, Tensor) throws -> [Tensor]) throws {
        let (path, answers) = (temporaryPath(".pt2"), temporaryPath(".safetensors"))
        defer { for file in [path, answers] { try? FileManager.default.removeItem(atPath: file) } }
        try program.save(to: path)
        try Python.run(
            """
            import sys, torch
            from safetensors.torch import save_file
            module = torch.export.load(sys.argv[1]).module()
            found = {}
            with torch.no_grad():
                for step in range(1, 4):
                    for index, value in enumerate(module(torch.tensor([5.0, 6.0]) * step)): found[f"{step} {index}"] = value.clone()
                    for name, value in module.named_buffers(): found[f"{step} {name}"] = value.clone()
            save_file({name: value.contiguous() for name, value in found.items()}, sys.argv[2])
            """, [path, answers])
        let found = try [String: Tensor].load(safetensors: answers)
        let twin = try Sharing()
        for step in 1...3 {
            let results = try function(twin, try Tensor([5, 6] as [Float], shape: [2]) * Double(step))
            for (index, tensor) in results.enumerated() { #expect(try found["\(step) \(index)"]?.floats == tensor.floats, "call \(step)") }
            for (name, buffer) in twin.namedBuffers() {
                #expect(try found["\(step) \(name)"]?.floats == buffer.floats, "\(name), call \(step)")
            }
        }
    }

    @Test func twoBuffersEndAsOneValue() throws {
        try check(["first", "second"]) { model, x in
            model.first = try model.first + x
            model.second = model.first
            return [try model.second * 2]
        }
    }

    @Test func aBufferEndsAsAResult() throws {
        try check(["result"]) { model, x in
            model.result = try model.result + x
            return [model.result, model.result]
        }
    }

    @Test func aBufferEndsAsAnInput() throws {
        try check(["last", "result"]) { model, x in
            let before = model.last
            model.last = x
            model.result = x
            return [before]
        }
    }

    @Test func buffersChangePlaces() throws {
        try check(["first", "second"]) { model, x in
            (model.first, model.second) = (model.second, model.first)
            return [try model.first + x]
        }
    }

    @Test func aBufferEndsAsAConstant() throws {
        let zeros = try Tensor.zeros([2])
        try check(["first", "second"]) { model, x in
            model.first = zeros
            model.second = zeros
            return [x]
        }
    }

    /// What is returned is the value before the change, though PyTorch changes the memory that it lies in.
    @Test func whatABufferWasIsReturned() throws {
        try check(["first", "turned"]) { model, x in
            let (before, part) = (model.first, try model.turned[0])
            model.first = try model.first + x
            model.turned = try model.turned.transposed(0, 1)
            return [before, part, try before.reshaped([1, 2])]
        }
    }

    @Test func onSomePathsOnly() throws {
        let model = try Sharing()
        let x = try Tensor.ones([4])
        func f(_ model: Sharing, _ x: Tensor) throws -> Tensor {
            if x.shape[0] > 3 {
                model.first = try model.first + x.sum()
                model.second = model.first
            }
            return try model.second.sum() + x
        }
        let program = try export({ (x: Tensor) in try f(model, x) }, of: model, args: x, constraints: [dynamicDim(x, 0).in(2...6)])
        let twin = try Sharing()
        for size in [2, 5, 3, 6] {
            let input = try vector(size)
            let (expected, found): (Tensor, Tensor) = (try f(twin, input), try program(input))
            #expect(try expected.floats == found.floats)
            for name in ["first", "second"] { #expect(try program.stateDict[name]?.floats == twin.stateDict()[name]?.floats, "\(name)") }
        }
    }
}
