import Apus
import Testing

/// The checklist's items that end in an error, with the text that the caller reads.
@Suite struct SeedErrorTests {
    private func vector(_ count: Int) throws -> Tensor { try Tensor((0..<count).map { Float($0) }, shape: [count]) }
    private func number(_ value: Int64) throws -> Tensor { try Tensor([value], shape: []) }

    private func text(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "no error"
    }

    @Test func s5UnknownEntryPoint() throws {
        let x = try vector(3)
        let programs = try export([
            "prefill": EntryPoint({ (x: Tensor) in x }, args: x), "decode": EntryPoint({ (x: Tensor) in x }, args: x),
        ])
        #expect(text { _ = try programs.program(named: "train") } == "there is no entry point 'train'; there are: prefill, decode")
        #expect(
            text { _ = try export(["a": EntryPoint({ (x: Tensor) in x }, args: x), "a": EntryPoint({ (x: Tensor) in x }, args: x)]) }
                == "the entry point 'a' is given twice")
    }

    @Test func s6ValuesOfOtherTypes() throws {
        struct Options {}
        let x = try vector(3)
        #expect(
            text { _ = try export({ (x: Tensor, o: Options) in x }, args: x, Options()) }
                == "a value of type Options can't be an argument or result of a program; use tensors, Int, Double, Bool, String, nil, tuples, arrays and dictionaries"
        )
        let program = try export({ (x: Tensor, name: String?) in x }, args: x, nil as String?)
        #expect(
            text { let _: Tensor = try program(x, "a" as String?) }
                == "y: the program was made with nil and takes no other value, got \"a\"")
        #expect(
            text { let _: Int = try program(x, nil as String?) } == "the program gives float32[3] where a value of type Int is asked for")
    }

    @Test func s8ConstraintsOnOthersTensors() throws {
        let (x, other) = (try vector(4), try vector(4))
        #expect(
            text { _ = try export({ (x: Tensor) in x }, args: x, constraints: [dynamicDim(other, 0)]) }
                == "dynamicDim(_, 0): its tensor of float32[4] is not among the arguments; pass the same tensor to dynamicDim and to args")
    }

    @Test func s13StructuresThatDiffer() throws {
        let x = try vector(3)
        let program = try export({ (list: [Tensor], named: [String: Tensor]) in list[0] }, args: [x, x], ["k": x])
        #expect(
            text { let _: Tensor = try program([x], ["k": x]) }
                == "the arguments have the structure ([*], {k: *}) where the program takes ([*, *], {k: *})")
        #expect(
            text { let _: Tensor = try program([x, x], ["j": x]) }
                == "the arguments have the structure ([*, *], {j: *}) where the program takes ([*, *], {k: *})")
        #expect(
            text { let _: [Tensor] = try program([x, x], ["k": x]) } == "the program gives * where an array is asked for")
        #expect(text { _ = try program.run([x]) } == "1 tensors where the program takes 3")
    }

    @Test func s17AssertedRanges() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x.cos() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        #expect(text { let _: Tensor = try program.addRuntimeAssertions()(try vector(7)) } == "x.shape[0] must be in 3...6, got 7")
    }

    @Test func k1NoSilentSpecialisation() throws {
        let program = try export(SeedExamplesTests.branching, args: try Tensor.ones([4, 2]))
        #expect(text { let _: Tensor = try program(try Tensor.ones([3, 2])) } == "x: dimension 0 must be 4, got 3")
    }

    @Test func k4k11BoundsThatExclude() throws {
        let (x, y) = (try vector(5), try vector(5))
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x + y }
        #expect(
            text {
                _ = try export(
                    f, args: x, y, constraints: [dynamicDim(x, 0) <= 5, dynamicDim(y, 0) >= 6, dynamicDim(x, 0) == dynamicDim(y, 0)])
            } == "x.shape[0]: no size is at least 6 and at most 5")
        #expect(
            text { _ = try export(f, args: x, try vector(6), constraints: [dynamicDim(x, 0).in([4, 8])]) }
                == "x.shape[0] is 5 in the example, outside of [4, 8]")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0).in([5, 8]), dynamicDim(x, 0) > 8]) }
                == "x.shape[0]: no size in [5, 8] satisfies the other constraints")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0) > .max]) }
                == "x.shape[0]: no size is at least 9223372036854775807 and at most 0")
        let six = try vector(6)
        #expect(
            text { _ = try export(f, args: x, six, constraints: [dynamicDim(x, 0) == dynamicDim(six, 0)]) }
                == "x.shape[0] and y.shape[0] are declared equal, but are 5 and 6 in the example")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0) % 2 == 0, dynamicDim(x, 0) == dynamicDim(y, 0)]) }
                == "dynamicDim(x, 0) % 2 == 0: the example has x.shape[0] = 5")
        #expect(
            text { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0) / 0 == 1]) }
                == "dynamicDim(x, 0) / 0 == 1: division by zero in x.shape[0] / 0")
    }

    @Test func k6RejectedBeforeAnyKernel() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x.cos() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        for size in [0, 2, 7] {
            #expect(text { let _: Tensor = try program(try vector(size)) } == "x.shape[0] must be in 3...6, got \(size)")
        }
    }

    @Test func k12TheSameTensorTwice() throws {
        let x = try vector(4)
        let program = try export({ (a: Tensor, b: Tensor) in try a + b }, args: x, x, constraints: [dynamicDim(x, 0)])
        #expect(
            text { let _: Tensor = try program(try vector(6), try vector(5)) }
                == "y: dimension 0 must be 6, equal to x.shape[0], got 5")
    }

    @Test func k13k14ValuesOutside() throws {
        let x = try vector(4)
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let b = try constrainAsValue(y.item(), min: 3, max: 5)
            return b > 3 ? try x.cos() : try x.sin()
        }
        let program = try export(f, args: x, try number(4))
        for value in [2, 6] as [Int64] {
            #expect(text { _ = try f(x, try number(value)) } == "constrainAsValue: \(value) is outside of 3...5")
            #expect(text { let _: Tensor = try program(x, try number(value)) } == "constrainAsValue: y.item() is outside of 3...5")
        }
    }

    @Test func k16k20WrongBounds() throws {
        #expect(text { try constrainAsValue(4, min: 5, max: 3) } == "constrainAsValue: min is 5, which is more than max, 3")
        #expect(text { try constrainAsValue(-3, min: -2) } == "constrainAsValue: -3 is outside of -2...")
        #expect(text { try constrainAsValue(9, max: 5) } == "constrainAsValue: 9 is outside of ...5")
        #expect(text { try constrainAsSize(1) } == "constrainAsSize: 1 is outside of 2...")
        #expect(text { try constrainAsSize(4, min: 4, max: 3) } == "constrainAsSize: min is 4, which is more than max, 3")
        #expect(text { try constrainAsSize(4, max: 1) } == "constrainAsSize: min is 2, which is more than max, 1")
    }

    @Test func k17WrongKinds() throws {
        let many = try vector(3)
        #expect(text { _ = try many.item() } == "item: a tensor of shape [3] has 3 elements; only one element can become a number")
        #expect(
            text { try constrainAsValue(try many[0].item(SymFloat.self), min: 0) }
                == "constrainAsValue: 0.0 is a floating-point number; only integers can be constrained")
        #expect(
            text { try constrainAsSize(try many[0].item(SymFloat.self)) }
                == "constrainAsSize: 0.0 is a floating-point number; only integers can be constrained")
        #expect(
            text { _ = try many[0].item() }
                == "item: the element is of float32, no integer: ask for item(SymFloat.self) or item(Float.self), or convert with to(.int64) first"
        )
    }

    @Test func k21k22SizesFromValues() throws {
        let x = try vector(4)
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let z = try Tensor.ones([try constrainAsSize(y.item(), min: 3, max: 5), 4])
            return try x.sum() + z.sum()
        }
        let program = try export(f, args: x, try number(4))
        #expect(text { let _: Tensor = try program(x, try number(6)) } == "constrainAsSize: y.item() is outside of 3...5")
        // Unconstrained: a size of zero and up, checked when the program runs.
        let free = try export({ (x: Tensor, y: Tensor) in try x.sum() + Tensor.ones([y.item(), 4]).sum() }, args: x, try number(4))
        let none: Tensor = try free(x, try number(0))
        #expect(try none.array(of: Float.self) == [6])
        #expect(text { let _: Tensor = try free(x, try number(-1)) } == "full: the size of dimension 0 is negative: -1")
    }
}
