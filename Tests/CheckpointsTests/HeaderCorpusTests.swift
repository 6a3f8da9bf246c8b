// The same verdict as the safetensors wheel on every file of a corpus, and the same tensors where it accepts.
// The corpus is made by Fixtures/generators/safetensors_corpus.py, with the wheel's verdicts in it;
// Tests/Judges/differential_headers.py runs this test over many more.

import Checkpoints
import Glibc
import Testing

@Suite struct HeaderCorpusTests {
    @Test func verdictsAreThoseOfTheReference() throws {
        let path =
            getenv("INGOT_HEADER_CORPUS").map { String(cString: $0) }
            ?? fixturesFolder + "/vectors/safetensors/corpus.bin"
        let corpus = try FileAccess.read(path, limit: 1 << 30)
        let outcome = corpus.withUnsafeBytes(compare)
        print(
            "headers compared: \(outcome.cases), accepted \(outcome.accepted), strictly \(outcome.strict), differences \(outcome.differences.count)"
        )
        #expect(outcome.cases > 1000)
        #expect(outcome.accepted > 100)
        for difference in outcome.differences.prefix(10) { Issue.record(Comment(rawValue: difference)) }
        #expect(outcome.differences.count == 0)
    }

    private struct Outcome {
        var cases = 0
        var accepted = 0
        var strict = 0
        var differences: [String] = []
    }

    private func compare(_ corpus: UnsafeRawBufferPointer) -> Outcome {
        var outcome = Outcome()
        var offset = 0
        while offset < corpus.count {
            let verdict = corpus[offset]
            let digest = UInt64(
                littleEndian: corpus.loadUnaligned(fromByteOffset: offset + 1, as: UInt64.self))
            let size = Int(corpus.loadUnaligned(fromByteOffset: offset + 9, as: UInt32.self))
            let file = UnsafeRawBufferPointer(rebasing: corpus[(offset + 13)..<(offset + 13 + size)])
            outcome.cases += 1
            judge(file, verdict, digest, at: offset, &outcome)
            offset += 13 + size
        }
        return outcome
    }

    private func judge(
        _ file: UnsafeRawBufferPointer, _ verdict: UInt8, _ digest: UInt64, at offset: Int,
        _ outcome: inout Outcome
    ) {
        var found: UInt8 = 0
        var foundDigest: UInt64 = 0
        var reading = "accepted"
        do throws(HeaderError) {
            let header = try ShardHeader(file: file, mode: .reference)
            foundDigest = contentDigest(header, file)
            outcome.accepted += 1
            if let broken = brokenPromise(header) { reading = broken }
        } catch {
            found = error.referenceVerdict ?? 254
            reading = "\(error)"
        }
        let agrees = verdict == 255 ? found != 0 : verdict == found && digest == foundDigest
        if !agrees || (found == 0 && reading != "accepted") {
            let text = String(decoding: file.dropFirst(8), as: UTF8.self)
            outcome.differences.append("at \(offset): wheel \(verdict), here \(found) (\(reading)): \(text)")
        }
        // Strict mode takes nothing that the reference refuses.
        if (try? ShardHeader(file: file, mode: .strict)) != nil {
            outcome.strict += 1
            if found != 0 { outcome.differences.append("at \(offset): strict mode accepts it") }
        }
    }

    /// The sum of the FNV-1a digests of name, type, shape and bytes of each tensor.
    private func contentDigest(_ header: ShardHeader, _ file: UnsafeRawBufferPointer) -> UInt64 {
        header.tensors.reduce(UInt64(0)) { sum, tensor in
            let shape = tensor.shape.dimensions.map(String.init).joined(separator: ",")
            var digest: UInt64 = 0xCBF2_9CE4_8422_2325
            func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
            for byte in (tensor.name + "\0" + tensor.dtype.rawValue + "\0" + shape + "\0").utf8 { add(byte) }
            for byte in file[tensor.dataRange] { add(byte) }
            return sum &+ digest
        }
    }
}

/// The repository's Fixtures folder.
let fixturesFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Fixtures"

extension HeaderError {
    /// The number that the corpus gives the reference's error for this rule; nil for rules of strict mode.
    var referenceVerdict: UInt8? {
        switch self {
        case .fileTooShort: 1
        case .headerTooLarge: 2
        case .headerPastEnd: 3
        case .notUTF8: 4
        case .notJSON, .notObject, .numberOutOfRange, .metadataNotStrings, .metadataTwice, .entryNotObject,
            .fieldMissing, .fieldTwice, .dtypeNotString, .dtypeUnknown, .shapeMalformed, .offsetsMalformed:
            5
        case .gap, .overlap, .endsBeforeItBegins: 6
        case .shapeOverflows: 7
        case .partialByte: 8
        case .sizeDiffers: 9
        case .truncated, .trailingBytes: 10
        default: nil
        }
    }
}
