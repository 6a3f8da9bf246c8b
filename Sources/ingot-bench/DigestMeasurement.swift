// digest: XXH3-128 and SHA-256 over blocks as the pipeline hands them on, against copying the same bytes.

import Checkpoints
import Glibc

enum DigestMeasurement {
    static func run(turns: Int) -> [Measurement] {
        let size = 4 << 20
        let block = AlignedBuffer(capacity: size)
        let copy = AlignedBuffer(capacity: size)
        fillWithWeights(block.bytes.bindMemory(to: UInt16.self))
        let bytes = UnsafeRawBufferPointer(block.bytes)
        let blocks = 64
        func baseline() {
            for _ in 0..<blocks { copy.bytes.copyMemory(from: bytes) }
        }
        let tensor = inTurn(turns) {
            let digest = TensorDigest()
            for _ in 0..<blocks { digest.update(bytes) }
            _ = digest.finish()
        } _: {
            baseline()
        }
        let file = inTurn(turns) {
            var digest = FileDigest()
            for _ in 0..<blocks { digest.update(bytes) }
            _ = digest.finish()
        } _: {
            baseline()
        }
        return [("digest.xxh3-128", tensor), ("digest.sha-256", file)].map { name, times in
            Measurement(
                name: name, bytes: blocks * size, subject: times.subject, baseline: times.baseline,
                baselineName: "memcpy")
        }
    }
}
