import ApusTensor
import Testing

/// Bytes in and out, memory of others, and nested arrays.
@Suite struct InteropTests {
    @Test func bytesGoThereAndBack() throws {
        let x: Tensor = try Tensor([[1, 2], [3, 4]], dtype: .int16)
        #expect(try x.bytes() == [1, 0, 2, 0, 3, 0, 4, 0])
        // Row-major order, also where the memory is not.
        #expect(try x.T.bytes() == [1, 0, 3, 0, 2, 0, 4, 0])
        #expect(try x.withUnsafeBytes { $0.load(as: Int16.self) } == 1)
        let back: Tensor = try Tensor(bytes: x.bytes(), dtype: .int16, shape: [4, 1])
        #expect(try back.array(of: Int.self) == [1, 2, 3, 4])
        #expect(try Tensor(bytes: [UInt8](), dtype: .float32, shape: [0, 3]).sizes == [0, 3])
        // Bytes that lie in several pieces.
        let pieces: [[UInt8]] = [[1, 0, 2], [0]]
        #expect(try Tensor(bytes: pieces.joined(), dtype: .int16, shape: [2]).array(of: Int.self) == [1, 2])
    }

    @Test func bytesThatDontFitAreRefused() throws {
        func text(_ body: () throws -> Tensor) -> String {
            do { return "\(try body().spec)" } catch { return error.unplaced }
        }
        #expect(text { try Tensor(bytes: [1, 2, 3], dtype: .int16, shape: [2]) } == "Tensor: 3 bytes don't fill int16[2], which has 4")
        #expect(
            text { try Tensor(bytes: [1, 2], dtype: .bool, shape: [2]) } == "Tensor: a byte is 2, but truth values are bytes of 0 or 1")
        #expect(text { try Tensor(bytes: [1], dtype: .bool, shape: [-1]) } == "Tensor: the size of dimension 0 is negative: -1")
    }

    @Test func memoryOfOthersIsSharedAndNeverWritten() throws {
        final class Owner {
            let memory: UnsafeMutableBufferPointer<Float>
            let onRelease: () -> Void
            init(_ onRelease: @escaping () -> Void) {
                memory = .allocate(capacity: 4)
                _ = memory.initialize(from: [1, 2, 3, 4])
                self.onRelease = onRelease
            }
            deinit {
                memory.deallocate()
                onRelease()
            }
        }
        var isReleased = false
        do {
            let owner = Owner { isReleased = true }
            var x: Tensor = try Tensor(sharing: UnsafeRawBufferPointer(owner.memory), dtype: .float32, shape: [2, 2], owner: owner)
            owner.memory[3] = 9
            #expect(try x.array(of: Float.self) == [1, 2, 3, 9])
            try x += 1
            #expect(try x.array(of: Float.self) == [2, 3, 4, 10])
            #expect(Array(owner.memory) == [1, 2, 3, 9])
            #expect(throws: TensorError.self) {
                try Tensor(sharing: UnsafeRawBufferPointer(owner.memory), dtype: .float64, shape: [3], owner: owner)
            }
            #expect(throws: TensorError.self) {
                let odd = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(owner.memory)[1...])
                return try Tensor(sharing: odd, dtype: .float32, shape: [2], owner: owner)
            }
        }
        #expect(isReleased)
    }

    @Test func tensorsAreReadAsNestedArrays() throws {
        let x: Tensor = try Tensor.arange(6).reshaped([2, 3])
        #expect(try x.nested(as: [[Int]].self) == [[0, 1, 2], [3, 4, 5]])
        let columns: [[Float]] = try x.T.nested()
        #expect(columns == [[0, 3], [1, 4], [2, 5]])
        #expect(try Tensor.zeros([2, 0]).nested(as: [[Double]].self) == [[], []])
        #expect(try Tensor(true).nested(as: Bool.self))
        let error = #expect(throws: TensorError.self) { try x.nested(as: [Int].self) }
        #expect(error?.statement == "nested: int64[2, 3] has 2 dimensions, but Array<Int> is nested 1 deep")
    }

    @Test func elementsAreReadAsEveryNumber() throws {
        let n: Tensor = try Tensor(-7)
        #expect(try n.item(Int8.self) == -7 && n.item(Int16.self) == -7 && n.item(Int32.self) == -7 && n.item(Int64.self) == -7)
        #expect(try Tensor(250).item(UInt8.self) == 250 && Tensor(true).item(UInt8.self) == 1)
        #expect(try Tensor(1.5).item(Float16.self) == 1.5 && Tensor(2049).item(Float16.self) == 2048)
        let error = #expect(throws: TensorError.self) { try n.item(UInt8.self) }
        #expect(error?.statement == "item: the element is -7, which no UInt8 holds: ask for item(Int.self)")
        #expect(throws: TensorError.self) { try Tensor(1.0).item(Int8.self) }
    }

    @Test func halvesAreElements() throws {
        let x: Tensor = try Tensor([1.5, 2] as [Float16], shape: [2])
        #expect(x.dtype == .float16)
        #expect(try x.array(of: Float16.self) == [1.5, 2])
        #expect(try Tensor([[1.5, 2], [3, 4]] as [[Float16]]).spec.description == "float32[2, 2]")
        #expect(try (x * Float16(2)).spec.description == "float16[2]")
    }
}
