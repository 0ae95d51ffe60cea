import Apus
import ApusData
import ApusImages
import Foundation
import Testing

extension PageTests {
    @Test func batches() async throws {
        var sum: Float = 0
        // snippet
        let images = try Tensor.rand([100, 1, 8, 8], seed: 1)
        let labels = try Tensor.randint(10, [100], seed: 2)
        let samples = try TensorDataset(images).zipped(with: TensorDataset(labels))
        let loader = try DataLoader(samples, batchSize: 32, options: LoadingOptions(shuffleSeed: 1, workers: 2))
        for epoch in 0..<3 {
            for try await (x, y) in loader.epoch(epoch) {
                // x is [32, 1, 8, 8], of the last batch [4, 1, 8, 8]
                // snippet.hide
                sum += try x.sum().item(Float.self) + y.sum().item(Float.self)
                // snippet.show
            }
        }
        // snippet.end
        let expected: Float = try 3 * (images.sum().item(Float.self) + labels.sum().item(Float.self))
        #expect(abs(sum - expected) < 0.1)
    }

    @Test func raggedBatches() async throws {
        // snippet
        let sentences: [[Int]] = [[5, 2, 9], [4], [7, 7, 1, 3]]
        let ragged = try DataLoader(ArrayDataset(sentences), batchSize: 2) { samples in
            try padSequence(samples.map { try Tensor($0) }, paddingValue: 0)
        }
        for try await (ids, lengths) in ragged.epoch(0) {
            print(ids, lengths)  // [[5, 2, 9], [4, 0, 0]] and [3, 1], then the last
        }
        // snippet.end
        #expect(ragged.count == 2)
    }

    @Test func tables() throws {
        try inFolder { folder in
            let text = "species,length,width\nsetosa,5.1,3.5\nvirginica,6.3,3.3\n"
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/iris.csv"))
            // snippet
            let table = try CSVTable(
                path: "\(folder)/iris.csv", columns: ["length": .float32, "width": .float32], texts: ["species"])
            let flowers = try ColumnDataset(table.columns)
            let first = try flowers[0]  // ["length": 5.1, "width": 3.5]
            let species = table.texts["species"]
            // snippet.end
            #expect(try first["width"]?.item(Float.self) == 3.5)
            #expect(species == ["setosa", "virginica"])
        }
    }

    @Test func texts() throws {
        try inFolder { folder in
            let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##believ", "##able", "!", "yes"]
            try Data(pieces.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: "\(folder)/vocab.txt"))
            // snippet
            let tokenizer = try WordPieceTokenizer(vocabularyFile: "\(folder)/vocab.txt")
            print(tokenizer.tokens("Unbelievable!"))  // ["un", "##believ", "##able", "!"]
            let batch = try tokenizer.encode(["Unbelievable!", "Yes"], maxLength: 128)
            print(batch.ids)  // [[2, 4, 5, 6, 7, 3], [2, 8, 3, 0, 0, 0]]
            // snippet.end
            #expect(try batch.ids.nested(as: [[Int]].self) == [[2, 4, 5, 6, 7, 3], [2, 8, 3, 0, 0, 0]])
        }
    }

    @Test func images() throws {
        try inFolder { folder in
            try Tensor.randint(256, [3, 40, 60], seed: 1).to(.uint8).save(png: "\(folder)/photo.png")
            // snippet
            let photo = try Tensor.load(image: "\(folder)/photo.png", mode: .rgb)  // uint8 [3, 40, 60]
            let input = try photo.to(.float32).unsqueezed(0).interpolated(to: [224, 224], mode: "bilinear") / 255
            let negative = try 255 - photo
            try negative.save(jpeg: "\(folder)/negative.jpg", quality: 95)
            // snippet.end
            #expect(try input.sizes == [1, 3, 224, 224])
            #expect(try Tensor.load(image: "\(folder)/negative.jpg").sizes == [3, 40, 60])
        }
    }

    @Test func logs() throws {
        try inFolder { folder in
            // snippet
            let log = try EventLog(folder: "\(folder)/runs/first")
            let progress = TrainingProgress("epoch 0", total: 100)
            for step in 0..<100 {
                let loss = 1 / Double(step + 1)
                try log.write(["loss/train": loss], step: step)
                progress.advance(["loss": loss])
            }
            progress.finish()
            // in a shell: tensorboard --logdir runs
            // snippet.end
            // A record is at least its frame.
            #expect(try Data(contentsOf: URL(fileURLWithPath: log.path)).count > 100 * 16)
        }
    }
}
