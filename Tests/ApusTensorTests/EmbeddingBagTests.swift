import Testing

@testable import ApusTensor

@Suite struct EmbeddingBagTests {
    @Test(arguments: [[0, 3, 2], [1, 2], [0, -1, 3], [0, 2, 6], [0, 9]])
    func offsetsThatMakeNoBagsAreErrors(_ offsets: [Int]) throws {
        let (weight, index) = (try Tensor.sample([6, 2]), try Tensor([0, 5, 2, 2, 1] as [Int], shape: [5]))
        let given = try Tensor(offsets, shape: [offsets.count])
        for operation in Operator.embeddingBags {
            for (mode, closes) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
                let arguments: [OperatorArgument] = [
                    .tensor(weight), .tensor(index), .tensor(given), .bool(false), .int(mode), .bool(false), .none, .bool(closes),
                ]
                let all = operation.schema.parameters.count > 8 ? arguments + [.int(-1)] : arguments
                let error = #expect(throws: TensorError.self) { try applyTensors(operation, all) }
                #expect(
                    error?.statement
                        == "\(operation.schema.name): the offsets must begin at 0, not fall, and lie within the 5 positions; they are \(offsets)"
                )
            }
        }
    }

    @Test(arguments: [[0, 5, 5], [0, 0, 2], [0]])
    func emptyBagsAreZeros(_ offsets: [Int]) throws {
        let weight = try Tensor([[1.0, 2], [3, 4], [5, 6]])
        let result = try weight.embeddingBag(
            Tensor([0, 1, 2, 2, 1] as [Int], shape: [5]), offsets: Tensor(offsets, shape: [offsets.count]))
        var sums: [[Double]] = []
        for (bag, start) in offsets.enumerated() {
            let rows = [0, 1, 2, 2, 1][start..<(bag + 1 < offsets.count ? offsets[bag + 1] : 5)]
            sums.append([rows.reduce(0) { $0 + Double(2 * $1 + 1) }, rows.reduce(0) { $0 + Double(2 * $1 + 2) }])
        }
        #expect(try result.array(of: Double.self) == sums.flatMap { $0 })
    }
}
