// Written headers read back as they were given, start aligned, and are the same bytes every time.

import Checkpoints
import Tensors
import Testing

@Suite struct HeaderWritingTests {
    @Test(arguments: 0..<200) func writeThenReadIsIdentity(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let given = Self.tensors(&generator)
        let tensors = ShardHeader.fileOrder(given).map { given[$0] }
        let (bytes, header) = try ShardHeader.written(tensors)

        let data = tensors.reduce(0) { $0 + ($1.byteCount ?? 0) }
        let file = bytes + [UInt8](repeating: 0, count: data)
        #expect(try readHeader(file, .strict).get() == header)
        #expect(try readHeader(file, .reference).get() == header)
        #expect(brokenPromise(header) == nil)
        #expect(header.headerBytes == bytes.count && bytes.count % 8 == 0)
        #expect(
            header.tensors.map { TensorDescription(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
                == tensors)
        #expect(header.metadata == ShardHeader.writtenMetadata)
        #expect(try ShardHeader.written(tensors).bytes == bytes)
    }

    /// The order keeps what it can keep: every whole tensor before every other, each group as it was given.
    @Test(arguments: 0..<200) func orderIsAlignedAndStable(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed &+ 1000)
        let tensors = Self.tensors(&generator)
        let order = ShardHeader.fileOrder(tensors)
        #expect(order.sorted() == Array(tensors.indices))
        var offset = 0
        for index in order {
            #expect(offset % tensors[index].dtype.alignment == 0)
            offset += try #require(tensors[index].byteCount)
        }
        let whole = order.prefix { (tensors[$0].byteCount ?? 0) % 8 == 0 }
        #expect(Array(whole) == tensors.indices.filter { (tensors[$0].byteCount ?? 0) % 8 == 0 })
    }

    @Test func theVeryBytes() throws {
        let bytes = try ShardHeader.written(
            [TensorDescription(name: "w", dtype: .bf16, shape: [2, 4])],
            metadata: [.init(key: "z", value: "1"), .init(key: "format", value: "pt")]
        ).bytes
        let text =
            #"{"__metadata__":{"format":"pt","z":"1"},"w":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]}}"#
        #expect(String(decoding: bytes[8...], as: UTF8.self) == padded(text))
        #expect(bytes[..<8].elementsEqual([UInt8(padded(text).utf8.count), 0, 0, 0, 0, 0, 0, 0]))
    }

    @Test func whatCannotBeWritten() {
        func error(_ tensors: [TensorDescription]) -> HeaderError? {
            do throws(HeaderError) {
                _ = try ShardHeader.written(tensors)
                return nil
            } catch { return error }
        }
        let byte = TensorDescription(name: "a", dtype: .u8, shape: [1])
        #expect(error([byte, byte]) == .tensorTwice(tensor: "a"))
        #expect(
            error([byte, TensorDescription(name: "b", dtype: .f32, shape: [1])])
                == .tensorUnaligned(tensor: "b", dtype: .f32, begin: 1))
        #expect(
            error([TensorDescription(name: "b", dtype: .f4, shape: [3])])
                == .partialByte(tensor: "b", dtype: .f4, shape: [3]))
        #expect(
            error([TensorDescription(name: "b", dtype: .f64, shape: [1 << 40, 1 << 40])])
                == .shapeOverflows(tensor: "b", dtype: .f64, dimensions: [1 << 40, 1 << 40]))
        #expect(
            error([TensorDescription(name: "b", dtype: .f64, shape: [1 << 58])])
                == .shapeOverflows(tensor: "b", dtype: .f64, dimensions: [1 << 58]))
        let large = (0..<9).map { TensorDescription(name: "\($0)", dtype: .u8, shape: [1 << 48, 1 << 11]) }
        #expect(
            error(large) == .shapeOverflows(tensor: "7", dtype: .u8, dimensions: [1 << 48, 1 << 11]))
    }

    private static func tensors(_ generator: inout SeededGenerator) -> [TensorDescription] {
        (0..<Int.random(in: 0..<40, using: &generator)).map { number in
            let dtype = DType.allCases.randomElement(using: &generator) ?? .u8
            var dimensions = (0..<Int.random(in: 0..<4, using: &generator)).map { _ in
                Int.random(in: 0..<6, using: &generator)
            }
            if dtype.bits % 8 != 0 { dimensions.append(4) }
            let name = ["layers.\(number)", "é\(number)", "\"\(number)\"", "\(number) 😀"]
            return TensorDescription(
                name: name.randomElement(using: &generator) ?? "", dtype: dtype, shape: Shape(dimensions))
        }
    }
}
