import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusTensor
import Testing

@testable import ApusArchive

/// Recurrent layers in files, and networks of PyTorch's that are refused; those that load are among `TorchArchives`.
@Suite("Recurrent networks in files") struct RecurrentFileTests {
    /// What the nodes are, but for the states of zeros.
    private func operators(_ program: ExportedProgram) -> [String] {
        program.graph.nodes.map(\.operator.name).filter { $0 != "aten::full" }
    }

    @Test("Layers are one operator, whatever batch and length are; PyTorch runs them") func layers() throws {
        let x = try numbers([3, 2, 4], seed: 1)
        let (lstm, gru) = (try LSTM(4, 3, numLayers: 2, bidirectional: true, projSize: 2), try GRU(4, 3))
        let cell = try LSTMCell(4, 3)
        let samples: [JudgedProgram] = [
            JudgedProgram(name: "lstm", program: try export(lstm, args: x), calls: [[x]]),
            JudgedProgram(
                name: "lstm_batch", program: try export(lstm, args: x, constraints: [dynamicDim(x, 1).in(1...8)]),
                calls: [[x], [try numbers([3, 1, 4], seed: 2)], [try numbers([3, 8, 4], seed: 3)]]),
            JudgedProgram(
                name: "gru_length",
                program: try export(gru, args: x, constraints: [dynamicDim(x, 0).in(1...64), dynamicDim(x, 1).in(1...8)]),
                calls: [[x], [try numbers([1, 1, 4], seed: 2)], [try numbers([64, 8, 4], seed: 3)]]),
            JudgedProgram(
                name: "cell", program: try export(cell, args: try x.select(dim: 0, index: 0)), calls: [[try numbers([2, 4], seed: 4)]]),
        ]
        #expect(
            samples.map { operators($0.program) } == [["aten::lstm.input"], ["aten::lstm.input"], ["aten::gru.input"], ["aten::lstm_cell"]])
        try JudgedProgram.check(samples, [])
        // The layer's state is the program's, under PyTorch's names.
        #expect(samples[0].program.stateDict.keys.sorted() == lstm.stateDict().keys.sorted())
    }

    @Test("Dropout between layers is a part of a program that trains") func dropout() throws {
        let gru = try GRU(4, 3, numLayers: 3, dropout: 0.5)
        let program = try export(gru, args: try numbers([3, 2, 4], seed: 1))
        #expect(operators(program).filter { $0 == "aten::gru.input" || $0 == "aten::dropout" }.count == 5)
    }

    @Test("What an operator does not have is told when it is opened") func refusals() throws {
        let training = TorchSnippet(
            name: "training", forward: "return self.net(x)[0]", input: "torch.randn(3, 2, 4)",
            setup: "self.net = torch.nn.GRU(4, 3, num_layers=2, dropout=0.5)")
        let packed = TorchSnippet(
            name: "packed", forward: "return self.net(x)[0]", input: "torch.randn(3, 2, 4)", setup: "self.net = torch.nn.GRU(4, 3)")
        let cast = TorchSnippet(
            name: "cast", forward: "with torch.autocast('cpu'): return self.net(x)[0]", input: "torch.randn(3, 2, 4)",
            setup: "self.net = torch.nn.GRU(4, 3)")
        let files = try TorchSnippets([training, packed, cast])
        #expect(files.refusal("cast", .unsupported)?.description.contains("'gru' under autocast") == true)
        let error = #expect(throws: (any Error).self) { _ = try ExportedProgram.load(from: files.path("training")) }
        #expect("\(try #require(error))".contains("dropout of 0.5 between layers while training; run the layers one by one"))
        try editProgram(
            files.path("packed"),
            "for node in graph['nodes']:\n    node['target'] = node['target'].replace('gru.input', 'gru.data')")
        #expect(
            files.refusal("packed", .unknownOperators)?.description.hasSuffix(
                "torch.ops.aten.gru.data (1); packed sequences are not there: export the network with sequences of one length, padded")
                == true)
    }
}
