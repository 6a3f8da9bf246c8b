// The reading end of a pipeline: one thread that keeps a few buffers filled ahead of the worker.

import Diagnostics
import Dispatch

/// Reads a list of ranges, in order, ahead of the one who uses them.
package final class ReadAhead: Sendable {
    /// A range of a file.
    package struct Request: Sendable {
        package let file: BulkReader
        package let range: Range<Int>

        package init(file: BulkReader, range: Range<Int>) {
            self.file = file
            self.range = range
        }
    }

    private struct Chunk: @unchecked Sendable {
        let buffer: AlignedBuffer
        let result: Result<UnsafeRawBufferPointer, Failure>
    }

    private let filled: BoundedQueue<Chunk>
    private let free: BoundedQueue<AlignedBuffer>
    private let stopped = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - requests: made on the reading thread, one at a time; none longer than `longest` bytes.
    ///   - depth: buffers in use at once.
    package init(
        longest: Int, depth: Int, requests: some Sequence<Request> & Sendable
    ) {
        filled = BoundedQueue(limit: depth)
        free = BoundedQueue(limit: depth)
        for _ in 0..<depth { _ = free.push(AlignedBuffer(capacity: BulkReader.capacity(for: longest))) }
        let (filled, free, stopped) = (filled, free, stopped)
        DispatchQueue(label: "ingot.read-ahead").async {
            for request in requests {
                guard let buffer = free.pop() else { break }
                var result: Result<UnsafeRawBufferPointer, Failure>
                do throws(Failure) {
                    result = .success(try request.file.read(request.range, into: buffer))
                } catch { result = .failure(error) }
                guard filled.push(Chunk(buffer: buffer, result: result)) else { break }
                if case .failure = result { break }
            }
            filled.close()
            stopped.signal()
        }
    }

    /// Lends the bytes of the next request to the body.
    ///
    /// Call it once for each request, in order.
    package func next<Value>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure)
        -> Value
    {
        guard let chunk = filled.pop() else {
            preconditionFailure("more chunks were asked for than requested")
        }
        defer { _ = free.push(chunk.buffer) }
        return try body(try chunk.result.get())
    }

    /// Ends the reading thread; to be called once, after the last `next` or on the way out of a failure.
    package func stop() {
        free.close()
        filled.close()
        stopped.wait()
    }
}
