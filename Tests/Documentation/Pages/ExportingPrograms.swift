import Apus
import Testing

extension PageTests {
    @Test func exportingPrograms() throws {
        let model = try Linear(4, 3)
        let images = try Tensor.randn([2, 4], seed: 0)
        let batch = try Tensor.randn([7, 4], seed: 1)
        try inFolder { folder in
            do {
                // snippet
                let program = try export(model, args: images, constraints: [dynamicDim(images, 0).in(1...256)])
                try program.save(to: "\(folder)/classifier.pt2")
                // snippet.end
            }
            // snippet
            let program = try ExportedProgram.load(from: "\(folder)/classifier.pt2")
            let scores: Tensor = try program(batch)
            // snippet.end
            #expect(try scores.allclose(model(batch), atol: 1e-5))
            let error = #expect(throws: ProgramError.self) { let _: Tensor = try program(Tensor.zeros([257, 4])) }
            #expect(error?.description.contains("x.shape[0] must be in 1...256, got 257") == true)
        }
        try operatorsOfYourOwn()
        try branchesOnSizes()
        try gradientsOfPrograms()
    }

    private func operatorsOfYourOwn() throws {
        let twice = Operator(
            try Operator.Schema("mine::twice(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] },
            kernel: .host { [.tensor(try $0.tensor(0) * 2)] })
        let x = try Tensor.randn([3], seed: 0)
        try inFolder { folder in
            try export({ (x: Tensor) in try applySingle(twice, [.tensor(x)]) }, args: x).save(to: "\(folder)/model.pt2")
            // snippet
            let program = try ExportedProgram.load(from: "\(folder)/model.pt2", operators: OperatorTable.standard.adding([twice]))
            // snippet.end
            let y = try program(x)
            #expect(try y.equal(x * 2))
        }
    }

    private func branchesOnSizes() throws {
        let x = try Tensor.randn([4], seed: 0)
        // snippet
        let program = try export(
            { (x: Tensor) in x.shape[0] > 3 ? try x.cos() : try x.sin() },
            args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        // snippet.end
        for rows in 3...6 {
            let x = try Tensor.randn([rows], seed: 1)
            let y = try program(x)
            #expect(try y.equal(rows > 3 ? x.cos() : x.sin()))
        }
        let decided = try export(
            { (x: Tensor) in x.shape[0] > 3 ? try x.cos() : try x.sin() }, args: x, constraints: [dynamicDim(x, 0).in(4...6)])
        #expect(decided.graph.operators.allSatisfy { $0 != .cond })
    }

    private func gradientsOfPrograms() throws {
        let x = try Tensor.randn([4], seed: 0)
        let program = try export({ (x: Tensor) in try x.sin() }, args: x)
        // snippet
        let slope = try gradient(at: x) { x in
            let scores: Tensor = try program(x)
            return try scores.sum()
        }
        // snippet.end
        #expect(try slope.allclose(x.cos()))
    }
}
