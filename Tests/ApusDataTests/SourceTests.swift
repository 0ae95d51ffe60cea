import ApusArchive
import ApusData
import ApusTensor
import Foundation
import JudgeSupport
import Testing

/// Samples from files: CSV, judged by Python's `csv` and NumPy, with errors word for word; npy and npz.
struct SourceTests {
    /// A folder of its own for a test.
    private func inFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sources-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func tablesAreReadAsPythonWritesThem() throws {
        try inFolder { folder in
            try Python.run(
                """
                import csv, json, random, sys, numpy
                random.seed(5)
                pieces = ["a", "é", "東", ",", ";", '"', '""', "\\n", "\\r\\n", " ", "", "1", "😀"]
                for name, options in {"plain": {}, "semicolon": {"delimiter": ";", "lineterminator": "\\n"}, "quoted": {"quoting": csv.QUOTE_ALL}}.items():
                    texts = ["".join(random.choices(pieces, k=random.randint(0, 6))) for _ in range(500)]
                    floats = numpy.frombuffer(random.randbytes(4000), dtype="<f8").copy()
                    integers = [random.randint(-2**63, 2**63 - 1) for _ in range(500)]
                    with open(f"{sys.argv[1]}/{name}.csv", "w", newline="") as file:
                        writer = csv.writer(file, **options)
                        writer.writerow(["text", 'a "number"', "integer", "flag"])
                        for row in zip(texts, floats.tolist(), integers, [i % 3 == 0 for i in range(500)]): writer.writerow(row)
                    single = numpy.array([numpy.float32(repr(x)) for x in floats.tolist()])
                    numpy.savez(f"{sys.argv[1]}/{name}.npz", double=floats, single=single, integer=numpy.array(integers), flag=numpy.arange(500) % 3 == 0)
                    json.dump(texts, open(f"{sys.argv[1]}/{name}.json", "w"))
                """, [folder.path])
            for name in ["plain", "semicolon", "quoted"] {
                let path = folder.appendingPathComponent("\(name).csv").path
                let format = CSVTable.Format(separator: name == "semicolon" ? ";" : ",")
                let expected: [String: Tensor] = try .load(npz: folder.appendingPathComponent("\(name).npz").path)
                let types: [String: DType] = ["a \"number\"": .float64, "integer": .int64, "flag": .bool]
                let table = try CSVTable(path: path, columns: types, texts: ["text"], format: format)
                #expect(table.count == 500 && table.header == ["text", "a \"number\"", "integer", "flag"])
                #expect(try same(table.columns["a \"number\""], expected["double"]))
                #expect(try same(table.columns["integer"], expected["integer"]))
                #expect(try same(table.columns["flag"], expected["flag"]))
                let single = try CSVTable(path: path, columns: ["a \"number\"": .float32], format: format)
                #expect(try same(single.columns["a \"number\""], expected["single"]))
                let texts = try JSONDecoder().decode([String].self, from: Data(contentsOf: folder.appendingPathComponent("\(name).json")))
                #expect(table.texts["text"] == texts)
            }
        }
    }

    /// Bit for bit, but that any NaN is as good as another.
    private func same(_ a: Tensor?, _ b: Tensor?) throws -> Bool {
        guard let a, let b, a.dtype == b.dtype else { return false }
        return try a.dtype.isFloatingPoint ? a.nanToNum(nan: 12345).equal(b.nanToNum(nan: 12345)) && a.isnan().equal(b.isnan()) : a.equal(b)
    }

    @Test func oddTextsAreUnderstood() throws {
        let table = try CSVTable(
            text: "\u{FEFF}a,b\r\n\n1, 2.5 \n\n3,\n", columns: ["a": .uint8, "b": .float16], format: .init(nanForMissing: true))
        #expect(try table.columns["a"]?.array(of: Int.self) == [1, 3])
        let numbers: [Float] = try #require(try table.columns["b"]?.array(of: Float.self))
        #expect(numbers[0] == 2.5 && numbers[1].isNaN)
        let bare = try CSVTable(text: "1\t2\n3\t4", columns: ["1": .int32], texts: ["0"], format: .init(separator: "\t", hasHeader: false))
        #expect(try bare.columns["1"]?.array(of: Int.self) == [2, 4])
        #expect(bare.texts == ["0": ["1", "3"]])
        #expect(try CSVTable(text: "a,b\n", columns: ["a": .float32]).columns["a"]?.sizes == [0])
    }

    @Test func mistakesAreNamedByLineAndColumn() throws {
        func message(_ text: String, _ dtype: DType = .float32, texts: [String] = [], _ format: CSVTable.Format = .init()) -> String {
            do { return "\(try CSVTable(text: text, columns: ["x": dtype], texts: texts, format: format).count) rows" } catch {
                return "\(error)"
            }
        }
        #expect(message("x,y\n1,2\n\"3\n\",2\n1.5e,2") == "line 3, column 'x': '3\n' is not a value of float32")
        #expect(message("x\n1\n\n1.5e") == "line 4, column 'x': '1.5e' is not a value of float32")
        #expect(message("x\n256", .uint8) == "line 2, column 'x': '256' is not a value of uint8")
        #expect(message("x\n1.0", .int64) == "line 2, column 'x': '1.0' is not a value of int64")
        #expect(message("x\nyes", .bool) == "line 2, column 'x': 'yes' is not a value of bool")
        #expect(message("x,y\n,2") == "line 2, column 'x': is empty")
        #expect(message("x,y\n,2", .int32, .init(nanForMissing: true)) == "line 2, column 'x': is empty")
        #expect(message("x,y\n1,2\n1") == "line 3: 1 fields, but the first row has 2")
        #expect(message("x,y\n1,\"2\n3") == "line 2: a quoted field has no closing quote")
        #expect(message("x,y\n1,\"2\"3") == "line 2: a quoted field goes on behind its closing quote")
        #expect(message("y,z\n1,2") == "column 'x': is not there; there are y, z")
        #expect(message("x,z\n1,2", texts: ["y"]) == "column 'y': is not there; there are x, z")
        #expect(message("x,x\n1,2") == "line 1, column 'x': two columns have this name")
        #expect(message("") == "there are no rows")
        #expect(message("x\n1", .complex64) == "column 'x': can't be read as complex64: a field holds one number")
        #expect(message("x\n1", .float32, .init(separator: "\"")) == "'\"' can't separate fields")
        try inFolder { folder in
            let path = folder.appendingPathComponent("bad.csv").path
            try Data("x\n1\n".utf8 + [0xFF]).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: DataError.self) { try CSVTable(path: path, columns: ["x": .float32]) }
            #expect(error?.description == "\(path): line 3: a field is not UTF-8")
            #expect(throws: ArchiveError.self) { try CSVTable(path: path + ".missing", columns: [:]) }
        }
    }

    @Test func arraysOfNumPyAreSources() throws {
        try inFolder { folder in
            let (npy, npz) = (folder.appendingPathComponent("x.npy").path, folder.appendingPathComponent("xy.npz").path)
            let x = try Tensor.arange(6).reshaped([3, 2])
            try x.save(npy: npy)
            try ["x": x, "y": try Tensor([7, 8, 9]), "z": try Tensor([1])].save(npz: npz)
            let rows = try TensorDataset(npy: npy)
            #expect(try rows.count == 3 && rows[2].array(of: Int.self) == [4, 5])
            let columns = try ColumnDataset(npz: npz, names: ["x", "y"])
            #expect(try columns.count == 3 && columns[1]["y"]?.item(Int.self) == 8)
            #expect(throws: DataError.self) { try ColumnDataset(npz: npz) }
            let error = #expect(throws: DataError.self) { try ColumnDataset(npz: npz, names: ["w"]) }
            #expect(error?.description == "\(npz): column 'w': is not there; there are x, y, z")
            #expect(throws: ArchiveError.self) { try ColumnDataset(npz: npy) }
        }
    }
}
