import Backends
import Testing

@Suite struct AlignedFloatsTests {
    @Test(arguments: [0, 1, 15, 16, 17, 4096, 1 << 20]) func beginsACacheLine(_ count: Int) {
        let numbers = AlignedFloats(count: count) { base in
            for index in 0..<count { base[index] = Float(index) }
        }
        #expect(numbers.count == count && numbers.elementsEqual((0..<count).map(Float.init)))
        numbers.withUnsafeBufferPointer { buffer in
            #expect(Int(bitPattern: buffer.baseAddress) % 64 == 0 && buffer.count == count)
        }
    }

    @Test func whoChangesACopyChangesNoOther() {
        let first: AlignedFloats = [1, 2, 3]
        var second = first
        second[1] = 7
        #expect(first == [1, 2, 3] && second == [1, 7, 3] && first != second)
        var third = second
        third.withUnsafeMutableBufferPointer { $0[0] = .nan }
        #expect(second == [1, 7, 3])
        #expect(third != third, "NaN is not itself, here as in an array")
        // Alone, it is changed in place.
        let place = third.withUnsafeBufferPointer(\.baseAddress)
        third[2] = 4
        #expect(third.withUnsafeBufferPointer(\.baseAddress) == place)
        #expect(third[1...].elementsEqual([7, 4]))
    }
}
