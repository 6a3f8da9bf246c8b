// Whole files: carried along byte for byte, or digested where they are.

import Diagnostics

/// Copies a file through recycled buffers and seals the copy.
package func copyFile(_ source: String, to path: String) throws(Failure) -> WriteBehind.Sealed {
    let reader = try BulkReader(path: source)
    let block = 1 << 20
    let writer = try WriteBehind(
        path: path, length: reader.identity.size, longest: block, block: block, depth: 2)
    do throws(Failure) {
        try forEachBlock(of: reader, block: block) { bytes throws(Failure) in
            try writer.append(bytes.count) { $0.copyMemory(from: bytes) }
        }
        try reader.checkUnchanged()
        return try writer.seal()
    } catch {
        writer.abandon()
        throw error
    }
}

/// The size and SHA-256 of a file.
package func digestFile(_ path: String) throws(Failure) -> WriteBehind.Sealed {
    let reader = try BulkReader(path: path)
    var digest = FileDigest()
    try forEachBlock(of: reader, block: 4 << 20) { bytes in digest.update(bytes) }
    return WriteBehind.Sealed(bytes: reader.identity.size, digest: digest.finish())
}

private func forEachBlock(
    of reader: BulkReader, block: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
) throws(Failure) {
    let buffer = AlignedBuffer(capacity: BulkReader.capacity(for: block))
    var start = 0
    while start < reader.identity.size {
        let end = min(start + block, reader.identity.size)
        try body(try reader.read(start..<end, into: buffer))
        start = end
    }
}
