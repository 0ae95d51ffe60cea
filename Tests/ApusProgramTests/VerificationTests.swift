import ApusArchive
import ApusExport
import ApusGraph
import ApusNN
import ApusSymbolic
import ApusTensor
import Foundation
import ProgramExpectations
import Testing

@testable import ApusProgram

private final class Scaling: Module {
    @Parameter var weight: Tensor
    @Parameter var unused: Tensor
    @Buffer var calls: Tensor

    init() throws {
        weight = try numbers([3], seed: 3)
        unused = try Tensor.ones([2])
        calls = try Tensor.zeros([])
    }

    func forward(_ x: Tensor) throws -> Tensor {
        calls = try calls + 1
        return x.shape[0] > 3 ? try x * weight : try x.sin() * weight
    }
}

/// How often a program's graph is verified on the way to it, and when its plan is made.
@Suite struct VerificationTests {
    private static func verifications(_ body: () throws -> Void) rethrows -> Int {
        let counter = Verifier.Counter()
        try Verifier.$counter.withValue(counter, operation: body)
        return counter.count
    }

    private static func entryPoints(_ model: Scaling, _ x: Tensor) throws -> ExportedPrograms {
        try export(
            [
                "scaled": EntryPoint({ (x: Tensor) in try model(x) }, args: x, constraints: [dynamicDim(x, 0)]),
                "summed": EntryPoint({ (x: Tensor) in try model(x).sum() }, args: x, constraints: [dynamicDim(x, 0)]),
            ], of: model)
    }

    @Test func tracingVerifiesAProgramOnce() throws {
        let (model, x) = (try Scaling(), try numbers([4, 3]))
        #expect(try Self.verifications { _ = try export(model, args: x, constraints: [dynamicDim(x, 0)]) } == 1)
        let joint = try Self.verifications {
            let program = try exportJoint(
                { (x: Tensor) in try model(x).sum() }, of: model, args: x, withRespectTo: [x], constraints: [dynamicDim(x, 0)])
            #expect(program.graphSignature.backwardSignature?.gradientsToParameters.values.sorted() == ["weight"])
        }
        #expect(joint == 1)
        #expect(try Self.verifications { _ = try Self.entryPoints(model, x) } == 2, "two programs over one state")
    }

    @Test func loadingVerifiesAProgramOnce() throws {
        let (model, x) = (try Scaling(), try numbers([4, 3]))
        let path = NSTemporaryDirectory() + "verified-\(UUID().uuidString).pt2"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.entryPoints(model, x).save(to: path)
        #expect(try Self.verifications { _ = try ExportedProgram.load(from: path, name: "summed") } == 1)
        let both = try Self.verifications {
            let programs = try ExportedPrograms.load(from: path)
            let _: Tensor = try programs.program(named: "scaled")(x)
            #expect(try programs.program(named: "summed").stateDict["calls"]?.item(Float.self) == 1)
        }
        #expect(both == 2, "two programs over one state")
    }

    @Test func passesVerifyAProgramAfterEach() throws {
        let (model, x) = (try Scaling(), try numbers([4, 3]))
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0)])
        #expect(try Self.verifications { _ = try program.transform(CommonSubexpressionElimination()) } == 1)
        #expect(try Self.verifications { _ = try program.transform(CommonSubexpressionElimination(), DeadCodeElimination()) } == 2)
        #expect(try Self.verifications { _ = try program.addRuntimeAssertions() } == 1)
        #expect(try Self.verifications { _ = try program.foldingConstants() } == 1)
        #expect(try Self.verifications { _ = try ExportedProgram(program.parts) } == 1)
    }

    @Test func aPlanIsMadeByTheFirstCallOfMany() async throws {
        let x = try numbers([5, 3])
        let program = try export({ (x: Tensor) in try x.exp() * 2 + 1 }, args: x, options: ExportOptions(selfCheck: false))
        #expect(program.plan.made.load() == nil)
        #expect(try program.transform(DeadCodeElimination()).plan.made.load() == nil)
        let expected = try x.exp() * 2 + 1
        try await withThrowingTaskGroup(of: Tensor.self) { group in
            for _ in 0..<16 { group.addTask { try program(x) } }
            for try await result in group { try expectClose(result, expected) }
        }
        #expect(program.plan.made.load() != nil)
    }
}
