// Many small ranges of one file through one buffer that grows to the largest.

import Diagnostics
import Glibc

/// A file opened for reading short ranges.
package final class RangeReader {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    package init(path: String) throws(Failure) {
        self.path = path
        descriptor = try FileAccess.openForReading(path)
    }

    deinit { close(descriptor) }

    /// Lends the bytes of a range to the body.
    package func read(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
        if buffer.count < range.count { buffer = [UInt8](repeating: 0, count: range.count) }
        let got = buffer.withUnsafeMutableBytes { buffer in
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
            let got = FileAccess.readFully(descriptor, part, at: range.lowerBound)
            if got == range.count { body(UnsafeRawBufferPointer(part)) }
            return got
        }
        guard got == range.count else {
            throw FileAccess.failure(.readFailed, path, errorNumber: got < 0 ? errno : EIO)
        }
    }
}
