import Testing

@testable import ApusTensor

/// Elements that are read are numbers of the type asked for, or it is an error, as `item` has it.
@Suite struct ArrayTests {
    private func text<Element: TensorElement>(_ tensor: Tensor, _ type: Element.Type) -> String? {
        (#expect(throws: TensorError.self) { _ = try tensor.array(of: type) })?.statement
    }

    @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func wholeNumbersOfFloatsAreIntegers(_ dtype: DType) throws {
        let x = try Tensor([[0.0, -0.0, 3], [-4, 100, 127]], dtype: dtype)
        #expect(try x.array(of: Int.self) == [0, 0, 3, -4, 100, 127])
        #expect(try x.array(of: Int8.self) == [0, 0, 3, -4, 100, 127])
        let y = try Tensor([[1, 2], [3, 2.5]], dtype: dtype)
        #expect(
            text(y, Int.self) == "array: the element at [1, 1] is 2.5, no int64: read it as \(dtype), or convert with to(.int64) first")
        for (number, name) in [(Double.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf")] {
            let z = try Tensor([0, number], dtype: dtype)
            #expect(
                text(z, Int32.self)
                    == "array: the element at [1] is \(name), no int32: read it as \(dtype), or convert with to(.int32) first")
        }
        #expect(
            text(x, UInt8.self) == "array: the element at [1, 0] is -4.0, no uint8: read it as \(dtype), or convert with to(.uint8) first")
    }

    @Test func theRangeOfTheTypeIsKept() throws {
        #expect(text(try Tensor([0x1p63]), Int.self)?.contains("no int64") == true)
        #expect(try Tensor([-0x1p63]).array(of: Int.self) == [.min])
        #expect(try Tensor([0x1p53 + 2], dtype: .float64).array(of: Int.self) == [1 << 53 + 2])
        let edges: [(DType, Int, Int)] = [
            (.uint8, 0, 255), (.int8, -128, 127), (.int16, -32768, 32767), (.int32, Int(Int32.min), Int(Int32.max)),
        ]
        for (dtype, low, high) in edges {
            for wide in [DType.int64, .float64] {
                #expect(try read(Tensor([low, high], dtype: wide), dtype) == [low, high])
                for outside in [low - 1, high + 1] {
                    let error = #expect(throws: TensorError.self) { try read(Tensor([outside], dtype: wide), dtype) }
                    #expect(error?.message.hasPrefix("the element at [0] is \(outside)") == true)
                }
            }
        }
        #expect(try Tensor([7, 255], dtype: .uint8).array(of: Int16.self) == [7, 255])
        #expect(try Tensor([true, false]).array(of: Int8.self) == [1, 0])
        #expect(try Tensor([3], shape: []).expanded([2, 2]).array(of: UInt8.self) == [3, 3, 3, 3])
    }

    /// As `item`: integers are true where they are not 0, floating-point and complex numbers are no truth values, complex ones no numbers.
    @Test func truthValuesAndComplexNumbers() throws {
        #expect(try Tensor([0, 2, -1]).array(of: Bool.self) == [false, true, true])
        let x = try Tensor([0.0, 1])
        #expect(text(x, Bool.self) == "array: the elements are of float32, no truth values: compare them first, as in x > 0")
        #expect(
            text(try x.to(.complex64), Float.self)
                == "array: the elements are of complex64, no real numbers: take their parts with viewAsReal() first")
        #expect(throws: TensorError.self) { try x[1].item(Bool.self) }
        #expect(throws: TensorError.self) { try x[1].to(.complex64).item(Float.self) }
        #expect(try Tensor([3], shape: []).item(Bool.self))
    }

    /// The elements as integers of a dtype's Swift type.
    private func read(_ tensor: Tensor, _ dtype: DType) throws -> [Int] {
        switch dtype {
        case .uint8: try tensor.array(of: UInt8.self).map { Int($0) }
        case .int8: try tensor.array(of: Int8.self).map { Int($0) }
        case .int16: try tensor.array(of: Int16.self).map { Int($0) }
        default: try tensor.array(of: Int32.self).map { Int($0) }
        }
    }
}
