import Foundation
import JudgeSupport
import Testing

@testable import ApusTensor

/// What every record of the operator table must have.
@Suite struct TableTests {
    @Test func namesAreUnique() {
        let names = OperatorTable.all.map { $0.name }
        #expect(Set(names).count == names.count, "twice: \(Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted())")
    }

    @Test func recordsAreDocumentedAndHaveSamples() throws {
        for operation in OperatorTable.all {
            #expect(!operation.documentation.isEmpty && operation.documentation.hasSuffix("."), "\(operation): \(operation.documentation)")
            #expect(try !operation.samples().isEmpty, "\(operation) has no samples")
        }
    }

    @Test func samplesFillTheWholeArgumentList() throws {
        for operation in OperatorTable.all {
            for sample in try operation.samples() {
                #expect(sample.count == operation.schema.parameters.count, "\(operation): \(sample.count) arguments")
            }
        }
    }

    @Test func schemasAreThoseOfTorch() throws {
        let names = OperatorTable.all.filter { $0.schema.namespace == "aten" }.map { $0.name }
        let script = """
            import sys, torch
            for name in sys.argv[1:]:
                base, _, overload = name.removeprefix('aten::').partition('.')
                packet = getattr(torch.ops.aten, base, None)
                found = getattr(packet, overload or 'default', None) if packet else None
                print(found._schema if found else 'missing')
            """
        let output = try Python.run(script, names)
        let theirs = output.split(separator: "\n").map(String.init)
        try #require(theirs.count == names.count)
        for (name, text) in zip(names, theirs) {
            #expect(OperatorTable.find(name)?.schema.text == text)
        }
    }

    /// The dtypes and shapes that the rule announces are those of the results.
    @Test func rulesAnnounceWhatKernelsMake() throws {
        for operation in OperatorTable.all where !operation.effects.contains(.dataDependent) {
            for (position, sample) in try operation.samples().enumerated() {
                do {
                    let call = Call(operation, sample)
                    let announced = try operation.rule(call).map { "\($0)" }
                    let made = try apply(operation, sample).flatMap(specs)
                    #expect(announced == made, "\(operation), sample \(position)")
                } catch {
                    Issue.record("\(operation), sample \(position): \(error)")
                }
            }
        }
    }

    private func specs(_ result: OperatorArgument) -> [String] {
        switch result {
        case .tensor(let tensor): ["\(tensor.spec)"]
        case .tensors(let tensors): tensors.map { "\($0.spec)" }
        default: ["\(result)"]
        }
    }

    /// Where an operator has both a kernel and a decomposition, they agree.
    @Test func kernelsAgreeWithDecompositions() throws {
        for operation in OperatorTable.all where !operation.effects.contains(.random) {
            guard let decomposition = operation.decomposition else { continue }
            if case .composite = operation.kernel { continue }
            for (position, sample) in try operation.samples().enumerated() {
                do {
                    let (fused, plain) = (try apply(operation, sample), try decomposition(Call(operation, sample)))
                    #expect(fused.count == plain.count)
                    for (a, b) in zip(fused, plain) {
                        guard case .tensor(let first) = a, case .tensor(let second) = b else { continue }
                        #expect("\(first.spec)" == "\(second.spec)", "\(operation), sample \(position)")
                        let tolerance = first.dtype.byteWidth < 4 ? 2e-2 : 1e-5
                        let difference = try largestDifference(first, second)
                        #expect(difference <= tolerance, "\(operation), sample \(position): \(difference)")
                    }
                } catch {
                    Issue.record("\(operation), sample \(position): \(error)")
                }
            }
        }
    }

    private func largestDifference(_ a: Tensor, _ b: Tensor) throws -> Double {
        let (p, q): (Tensor, Tensor) = a.dtype.isComplex ? (try a.viewAsReal(), try b.viewAsReal()) : (a, b)
        var largest = 0.0
        for (x, y): (Double, Double) in zip(try p.array(of: Double.self), try q.array(of: Double.self))
        where x != y && !(x.isNaN && y.isNaN) {
            largest = Swift.max(largest, (x - y).magnitude / (1 + y.magnitude))
        }
        return largest
    }

    /// Operators that floating-point tensors go into and come out of without a gradient. Each must still be a gap: one that got a gradient is
    /// taken off the list.
    @Test func gapsInGradientsAreTheKnownOnes() throws {
        // PyTorch has none of these either.
        let special: [Operator] = (Operator.besselFunctions + Operator.orthogonalPolynomials).filter { $0.gradient == nil }
        let known: Set<String> = Set(
            ["aten::scatter.reduce", "aten::scatter.value_reduce", "aten::geqrf", "aten::linalg_ldl_factor_ex", "aten::linalg_ldl_solve"]
                + special.map(\.name))
        var gaps: Set<String> = []
        for operation in OperatorTable.all where operation.gradient == nil && operation.decomposition == nil {
            for sample in try operation.samples() {
                var takes = false
                for argument in sample { argument.forEachReference { if $0.dtype.isDifferentiable { takes = true } } }
                guard takes,
                    try !operation.effects.contains(.dataDependent)
                        && operation.rule(Call(operation, sample)).contains(where: { $0.dtype.isDifferentiable })
                else { continue }
                gaps.insert(operation.name)
            }
        }
        #expect(gaps == known, "new: \(gaps.subtracting(known).sorted()), gone: \(known.subtracting(gaps).sorted())")
    }
}
